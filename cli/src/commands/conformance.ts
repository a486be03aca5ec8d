/** `conformance`: tries a client, in whatever language, against a service that behaves and misbehaves. */

import { type Command, Option } from "commander";
import pLimit from "p-limit";
import type { Level, Scenario } from "../conformance/trial";
import { CliError, EXIT, usageError } from "../failure";
import type { Io } from "../io";
import { Printer } from "../terminal/printer";

/** Scenarios that are played at once. */
const AT_ONCE = 6;

interface Options {
  level?: Level;
  scenario?: string;
  json?: boolean;
}

interface Result extends Pick<Scenario, "level" | "name"> {
  /** What was wrong; undefined if nothing. */
  violation: string | undefined;
}

export function addConformance(program: Command, io: Io): void {
  program
    .command("conformance")
    .summary("test a client against the protocol")
    .description(
      "Test a client in any language against a local service that also misbehaves on purpose. The client is a program that reads its instructions as lines of JSON: see conformance/README.md.",
    )
    .argument("<command...>", "the command that starts the client's program, after --")
    .addOption(
      new Option("--level <level>", "only the scenarios of a level").choices([
        "presence",
        "messages",
        "rotation",
        "fleet",
        "http",
      ]),
    )
    .option("--scenario <text>", "only scenarios whose name contains this text")
    .option("--json", "print JSON")
    .addHelpText("after", "\nThe exit code is 1 if a scenario failed.")
    .action(async (client: string[], _: Options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { SCENARIOS } = await import("../conformance/scenarios");
      const { play } = await import("../conformance/trial");
      const wanted = SCENARIOS.filter(
        ({ level, name }) =>
          (options.level ?? level) === level && name.includes(options.scenario ?? ""),
      );
      if (wanted.length === 0)
        throw usageError(`No scenario contains ${JSON.stringify(options.scenario)}.`);
      const printer = new Printer(io, options);
      const { green, red, bold } = printer.colours;
      const results: Result[] = [];
      // Most of the time a scenario waits.
      const limit = pLimit(AT_ONCE);
      const playing = wanted.map((scenario) => limit(() => play(scenario, client, io.signal)));
      for (const [index, { level, name }] of wanted.entries()) {
        const first = results.every((result) => result.level !== level);
        if (first && !printer.json) printer.lines(bold(level));
        const violation = await playing[index];
        if (io.signal.aborted) throw new CliError("Interrupted.", EXIT.failure);
        results.push({ level, name, violation });
        if (printer.json) continue;
        printer.lines(
          violation === undefined ? `  ${green("✓")} ${name}` : `  ${red("✗")} ${name}`,
        );
        if (violation !== undefined) printer.lines(`      ${violation}`);
      }
      const failed = results.filter(({ violation }) => violation !== undefined).length;
      if (printer.json) printer.value(results);
      else printer.lines("", `${results.length - failed} passed, ${failed} failed`);
      if (failed > 0) {
        throw new CliError(`${failed} of ${results.length} scenarios failed.`, EXIT.failure);
      }
    });
}

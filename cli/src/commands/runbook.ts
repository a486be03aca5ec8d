/** `runbook`: what to do about an alarm, with the names of a deployment. */

import type { Command } from "commander";
import { CliError, EXIT, usageError } from "../failure";
import type { Io } from "../io";
import { targetOptions } from "../options/target-options";
import type { RunbookOptions } from "../runbook/show";
import { Printer } from "../terminal/printer";

interface Options extends RunbookOptions {
  json?: boolean;
  color?: boolean;
}

const OPTIONS = ["--stack", "--construct", "--region", "--profile"];

export function addRunbook(program: Command, io: Io): void {
  const command = program
    .command("runbook")
    .summary("show what to do about an alarm")
    .description(
      "Show what to do about an alarm: its severity, what users see, commands to copy, and when it ends. With a stack, the commands contain the names of its resources.",
    )
    .argument("[alarm]", "the alarm; without it, list all alarms");
  for (const option of targetOptions()) {
    if (OPTIONS.includes(option.long ?? "")) command.addOption(option);
  }
  command
    .option("--json", "print JSON")
    .action(async (name: string | undefined, _: Options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const printer = new Printer(io, options);
      const { sectionFor, sectionsOf } = await import("../runbook/page");
      const { list, show } = await import("../runbook/show");
      const sections = sectionsOf(await io.runbook());
      if (name === undefined) return list(sections, printer);
      const section = sectionFor(sections, name);
      if (!section) {
        const known = sections.map(({ alarm }) => alarm).join(", ");
        throw new CliError(`There is no alarm ${name}.`, EXIT.usage, `Expected ${known}.`);
      }
      if (options.construct && !options.stack) {
        throw usageError("--construct needs --stack <name>.");
      }
      await show(section, options, printer, io);
    });
}

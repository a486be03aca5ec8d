/** `doctor`: finds out what stands between an agent and its presence. */

import type { Command } from "commander";
import type { CheckOptions, Finding } from "../checks";
import { type DeploymentOptions, deploymentCommand, withDeployment } from "../deployment";
import { CliError, EXIT, usageError } from "../failure";
import type { Io } from "../io";
import { printable } from "../printable";
import type { Printer } from "../printer";

type Options = DeploymentOptions & CheckOptions;

export function addDoctor(program: Command, io: Io): void {
  deploymentCommand(program, "doctor", "check the deployment, the clock and an agent's key")
    .option("-a, --agent <id>", "also check this agent")
    .option("--key <file>", "check that this file holds the agent's key")
    .action(
      withDeployment<Options>(io, async (deployment, options) => {
        if (options.key !== undefined && options.agent === undefined) {
          throw usageError("--key needs --agent <id>.");
        }
        const { printer } = deployment;
        const { findings } = await import("../checks");
        const found = await findings(deployment, options, io);
        if (printer.json) printer.value(found);
        else printer.lines(...found.flatMap((finding) => linesOf(finding, printer)));
        const failures = found.filter(({ state }) => state === "failed").length;
        if (failures === 0) return;
        throw new CliError(`${failures} of ${found.length} checks failed.`, EXIT.failure);
      }),
    );
}

function linesOf({ check, state, finding, fix }: Finding, { colours }: Printer): string[] {
  const sign = {
    ok: colours.green("✓"),
    warning: colours.yellow("!"),
    failed: colours.red("✗"),
  }[state];
  return [
    `${sign} ${colours.bold(check)}: ${printable(finding)}`,
    ...(fix ? [`  → ${printable(fix)}`] : []),
  ];
}

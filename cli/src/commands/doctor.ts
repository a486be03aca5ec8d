/** `doctor`: finds out what stands between an agent and its presence. */

import type { Command } from "commander";
import type { CheckOptions } from "../checks";
import { type DeploymentOptions, deploymentCommand, withDeployment } from "../deployment";
import { usageError } from "../failure";
import type { Io } from "../io";

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
        const { printFindings } = await import("../finding");
        const found = await findings(deployment, options, io);
        printFindings(found, printer);
      }),
    );
}

/** `doctor`: finds out what stands between an agent and its presence. */

import type { Command } from "commander";
import {
  type DeploymentOptions,
  deploymentCommand,
  organizationOf,
  withService,
} from "../deployment/deployment";
import type { CheckOptions } from "../diagnosis/checks";
import { usageError } from "../failure";
import type { Io } from "../io";

type Options = DeploymentOptions & CheckOptions;

export function addDoctor(program: Command, io: Io): void {
  deploymentCommand(program, "doctor", "check the deployment, the clock and an agent's key")
    .option("-a, --agent <id>", "also check this agent")
    .option("--key <file>", "check that this file contains the agent's key")
    .addHelpText("after", "\nWithout an organization, it checks only the deployment.")
    .action(
      withService<Options>(io, async (service, options) => {
        if (options.key !== undefined && options.agent === undefined) {
          throw usageError("--key needs --agent <id>.");
        }
        const organizationId = organizationOf(options, io);
        if (options.agent !== undefined && organizationId === undefined) {
          throw usageError("--agent needs --organization <id>.");
        }
        const { findings } = await import("../diagnosis/checks");
        const { printFindings } = await import("../terminal/finding");
        const found = await findings(service, organizationId, options, io);
        printFindings(found, service.printer);
      }),
    );
}

/** `agents enable`: lets an agent in that was disabled. */

import type { Command } from "commander";
import {
  type DeploymentOptions,
  deploymentCommand,
  withDeployment,
} from "../deployment/deployment";
import type { Io } from "../io";

export function addAgentsEnable(agents: Command, io: Io): void {
  deploymentCommand(agents, "enable", "enable an agent that was disabled")
    .requiredOption("-a, --agent <id>", "the agent")
    .action(
      withDeployment<DeploymentOptions & { agent: string }>(io, async (deployment, { agent }) => {
        const { registry, organizationId, printer } = deployment;
        const changed = await registry.enable({ organizationId, agentId: agent });
        if (printer.json) return printer.value(changed);
        printer.lines(`Agent ${agent} is enabled.`);
      }),
    );
}

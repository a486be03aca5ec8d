/** `agents disable`: locks an agent out, and ends its presence. */

import type { Command } from "commander";
import {
  type DeploymentOptions,
  deploymentCommand,
  withDeployment,
} from "../deployment/deployment";
import type { Io } from "../io";

export function addAgentsDisable(agents: Command, io: Io): void {
  deploymentCommand(agents, "disable", "disable an agent and close its connections")
    .requiredOption("-a, --agent <id>", "the agent")
    .action(
      withDeployment<DeploymentOptions & { agent: string }>(io, async (deployment, { agent }) => {
        const { registry, organizationId, printer } = deployment;
        const changed = await registry.disable({ organizationId, agentId: agent });
        if (printer.json) return printer.value(changed);
        printer.lines(`Agent ${agent} is disabled. \`agents enable\` enables it again.`);
      }),
    );
}

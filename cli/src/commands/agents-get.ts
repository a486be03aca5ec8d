/** `agents get`: what the registry holds of an agent. */

import type { Command } from "commander";
import { printAgent } from "../agents/agent-view";
import {
  type DeploymentOptions,
  deploymentCommand,
  withDeployment,
} from "../deployment/deployment";
import { CliError, EXIT } from "../failure";
import type { Io } from "../io";

export function addAgentsGet(agents: Command, io: Io): void {
  deploymentCommand(agents, "get", "show a registered agent and its keys")
    .requiredOption("-a, --agent <id>", "the agent")
    .action(
      withDeployment<DeploymentOptions & { agent: string }>(io, async (deployment, { agent }) => {
        const { registry, organizationId, printer } = deployment;
        const found = await registry.get({ organizationId, agentId: agent });
        if (!found) {
          throw new CliError(
            `Agent ${agent} is not registered in organization ${organizationId}.`,
            EXIT.notFound,
            "`agents list` shows the registered agents.",
          );
        }
        printAgent(found, io.now(), printer);
      }),
    );
}

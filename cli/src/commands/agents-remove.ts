/** `agents remove`: forgets an agent. */

import type { Command } from "commander";
import {
  type DeploymentOptions,
  deploymentCommand,
  withDeployment,
} from "../deployment/deployment";
import { CliError, EXIT, usageError } from "../failure";
import type { Io } from "../io";

interface Options extends DeploymentOptions {
  agent: string;
  yes?: boolean;
}

export function addAgentsRemove(agents: Command, io: Io): void {
  deploymentCommand(agents, "remove", "remove an agent, its keys and its status")
    .requiredOption("-a, --agent <id>", "the agent")
    .option("-y, --yes", "do not ask for confirmation")
    .action(
      withDeployment<Options>(io, async (deployment, { agent, yes }) => {
        const { registry, organizationId, printer, target } = deployment;
        if (!yes) await confirm(`${agent} of organization ${organizationId} in ${target.name}`, io);
        await registry.remove({ organizationId, agentId: agent });
        if (printer.json) return printer.value({ organizationId, agentId: agent, removed: true });
        printer.lines(`Agent ${agent} is removed.`);
      }),
    );
}

async function confirm(agent: string, io: Io): Promise<void> {
  const answer = await io.ask(`Remove agent ${agent}? [y/N] `);
  if (answer === undefined) {
    throw usageError(
      `The removal of agent ${agent} needs a confirmation, and there is no terminal.`,
      "Add --yes.",
    );
  }
  if (!/^y(es)?$/i.test(answer.trim())) throw new CliError("Nothing was removed.", EXIT.failure);
}

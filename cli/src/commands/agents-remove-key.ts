/** `agents remove-key`: takes a key away at the end of a rotation, or when it has leaked. */

import type { Command } from "commander";
import { printAgent } from "../agents/agent-view";
import {
  type DeploymentOptions,
  deploymentCommand,
  withDeployment,
} from "../deployment/deployment";
import type { Io } from "../io";
import { expectKeyId } from "../keys/key-source";

interface Options extends DeploymentOptions {
  agent: string;
  key: string;
  now?: true;
}

export function addAgentsRemoveKey(agents: Command, io: Io): void {
  deploymentCommand(agents, "remove-key", "remove one of an agent's two keys")
    .requiredOption("-a, --agent <id>", "the agent")
    .requiredOption("--key <keyId>", "the key's id, shown by `agents get`")
    .option("--now", "close the connections that were opened with the key")
    .action(
      withDeployment<Options>(io, async ({ registry, organizationId, printer }, options) => {
        expectKeyId("--key", options.key);
        const name = { organizationId, agentId: options.agent };
        const changed = await registry.removeKey({
          ...name,
          keyId: options.key,
          ...(options.now && { now: true }),
        });
        printAgent(changed, io.now(), printer);
      }),
    );
}

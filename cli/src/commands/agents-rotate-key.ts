/** `agents rotate-key`: a new key beside the one in use, so that the agent changes over without a gap. */

import type { RegisteredAgent } from "@agent-heartbeat/sdk/registry";
import type { Command } from "commander";
import { printAgent } from "../agents/agent-view";
import {
  type DeploymentOptions,
  deploymentCommand,
  withDeployment,
} from "../deployment/deployment";
import { usageError } from "../failure";
import type { Io } from "../io";
import {
  addKeySource,
  checkKeySource,
  expectKeyId,
  type KeySourceOptions,
  withPublicKey,
} from "../keys/key-source";

interface Options extends DeploymentOptions, KeySourceOptions {
  agent: string;
  retire?: string;
  now?: true;
}

export function addAgentsRotateKey(agents: Command, io: Io): void {
  const command = deploymentCommand(agents, "rotate-key", "add a key to an agent")
    .description(
      "Add a key to an agent. An agent has at most two keys: the older one is removed, unless --retire names another. Connections stay open, unless --now closes those of the removed key. A job gets a new ping URL, and the old one stops working at once.",
    )
    .requiredOption("-a, --agent <id>", "the agent")
    .option("--retire <keyId>", "remove this key")
    .option("--now", "close the connections that were opened with the removed key");
  addKeySource(command).action(
    withDeployment<Options>(io, async (deployment, options) => {
      const { registry, organizationId, printer } = deployment;
      expectKeyId("--retire", options.retire);
      const namesKey = Boolean(options.generateKey || options.publicKey);
      if (namesKey) checkKeySource(options);
      const name = { organizationId, agentId: options.agent };
      const before = await registry.get(name);
      if (before?.job) {
        if (namesKey) {
          throw usageError(
            `Agent ${options.agent} is a job, which has a ping URL instead of a key.`,
          );
        }
        const { jobPrinter } = await import("../agents/ping-view");
        const print = jobPrinter(deployment, io.now());
        return print(await registry.replacePing(name));
      }
      const { result, files } = await withPublicKey(options, io, (publicKey) =>
        registry.rotateKey({
          ...name,
          publicKey,
          ...(options.retire && { retire: options.retire }),
          ...(options.now && { now: true }),
        }),
      );
      printAgent(result, io.now(), printer);
      if (printer.json) return;
      const retired = keyIds(before).filter((keyId) => !keyIds(result).includes(keyId));
      printer.lines("", ...retired.map((keyId) => `Retired ${keyId}.`));
      if (files) printer.lines(`The new private key is in ${files.privateKeyFile} (mode 600).`);
    }),
  );
}

function keyIds(agent: RegisteredAgent | undefined): string[] {
  return agent?.publicKeys.map((key) => key.keyId) ?? [];
}

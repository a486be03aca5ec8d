/** `agents register`: lets a new agent connect. */

import { ROLES, type Role } from "@agent-heartbeat/sdk/protocol";
import { type Command, Option } from "commander";
import { printAgent } from "../agents/agent-view";
import {
  type DeploymentOptions,
  deploymentCommand,
  withDeployment,
} from "../deployment/deployment";
import { CliError, EXIT, usageError } from "../failure";
import type { Io } from "../io";
import {
  addKeySource,
  checkKeySource,
  type KeySourceOptions,
  withPublicKey,
} from "../keys/key-source";
import { addPingOptions, jobOf, type PingOptions } from "../options/ping";

interface Options extends DeploymentOptions, KeySourceOptions, PingOptions {
  agent: string;
  role: Role;
  description?: string;
}

export function addAgentsRegister(agents: Command, io: Io): void {
  const command = deploymentCommand(agents, "register", "register an agent and its key")
    .requiredOption("-a, --agent <id>", "the agent")
    .addOption(
      new Option("--role <role>", "role of the agent")
        .choices(ROLES)
        .default("agent" satisfies Role),
    )
    .option("--description <text>", "a note for people, at most 256 characters");
  addPingOptions(addKeySource(command)).action(
    withDeployment<Options>(io, async (deployment, options) => {
      const { registry, organizationId, printer, target } = deployment;
      const job = jobOf(options);
      if (!job) checkKeySource(options);
      else if (options.generateKey || options.publicKey || options.role !== "agent") {
        throw usageError("--ping excludes --generate-key, --public-key and --role.");
      }
      const printJob =
        job && (await import("../agents/ping-view")).jobPrinter(deployment, io.now());
      const name = { organizationId, agentId: options.agent };
      // Before a key is generated that would be of no use.
      if (await registry.get(name)) {
        throw new CliError(
          `Agent ${options.agent} is already registered in organization ${organizationId}.`,
          EXIT.failure,
          "Add a key with `agents rotate-key`, or `agents remove` it first.",
        );
      }
      const { description } = options;
      if (printJob) return printJob(await registry.registerJob({ ...name, job, description }));
      const { result, files } = await withPublicKey(options, io, (publicKey) =>
        registry.register({
          ...name,
          publicKey,
          role: options.role,
          description,
        }),
      );
      printAgent(result, io.now(), printer);
      if (printer.json) return;
      const { WebSocketUrl = "the deployment" } = target.outputs;
      printer.lines("", `It can connect to ${WebSocketUrl}`);
      if (files) printer.lines(`with the private key in ${files.privateKeyFile} (mode 600).`);
    }),
  );
}

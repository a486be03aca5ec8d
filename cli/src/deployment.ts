/** What a command needs of a deployment, bound to the one organization that it was called for. */

import type { AgentRegistry } from "@agent-heartbeat/sdk/registry";
import type { StatusReader } from "@agent-heartbeat/sdk/status";
import type { Command } from "commander";
import { usageError } from "./failure";
import type { Io } from "./io";
import { Printer } from "./printer";
import { findTarget, type Target, type TargetOptions } from "./target";

/** Names the organization where --organization does not. */
const ORGANIZATION_VARIABLE = "AGENT_HEARTBEAT_ORGANIZATION";

/** Options of every command that speaks to a deployment. */
export interface DeploymentOptions extends TargetOptions {
  organization?: string;
  json?: boolean;
  color?: boolean;
}

export interface Deployment {
  organizationId: string;
  target: Target;
  registry: AgentRegistry;
  statuses: StatusReader;
  printer: Printer;
}

/** A new command with the options that name an organization and a target. */
export function deploymentCommand(parent: Command, name: string, summary: string): Command {
  return parent
    .command(name)
    .summary(summary)
    .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
    .option("-o, --organization <id>", `the organization (or ${ORGANIZATION_VARIABLE})`)
    .option(
      "--local",
      "the runtime on this machine, found by .local/outputs.json in this or a parent folder",
    )
    .option("--stack <name>", "the deployed stack of this name, with your AWS credentials")
    .option("--construct <id>", "the construct to use if the stack has several")
    .option("--region <region>", "AWS region of the stack")
    .option("--profile <name>", "AWS profile with the credentials")
    .option("--json", "print JSON");
}

/** A commander action that finds the deployment, runs, and lets go of it. */
export function withDeployment<Options extends DeploymentOptions>(
  io: Io,
  run: (deployment: Deployment, options: Options, ...operands: string[]) => Promise<void>,
): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1) as Command;
    const options = command.optsWithGlobals<Options>();
    const organizationId = organizationOf(options, io);
    const target = await findTarget(options, io);
    try {
      const { AgentRegistry } = await import("@agent-heartbeat/sdk/registry");
      const { StatusReader } = await import("@agent-heartbeat/sdk/status");
      const { dynamoDb: client, statusTableName, registryTableName } = target;
      const now = () => io.now();
      const deployment: Deployment = {
        organizationId,
        target,
        registry: new AgentRegistry({ client, statusTableName, registryTableName, now }),
        statuses: new StatusReader({
          client,
          tableName: statusTableName,
          registryTableName,
          consistent: true,
          now,
        }),
        printer: new Printer(io, options),
      };
      await run(deployment, options, ...command.args);
    } finally {
      target.dynamoDb.destroy();
    }
  };
}

function organizationOf(options: DeploymentOptions, io: Io): string {
  // A file of variables with lines from another system leaves its marks on their values.
  const organizationId = options.organization ?? io.env[ORGANIZATION_VARIABLE]?.trim();
  if (organizationId) return organizationId;
  throw usageError(
    "No organization given.",
    `Add --organization <id>, or set ${ORGANIZATION_VARIABLE}.`,
  );
}

/** What a command needs of a deployment, and the one organization that it was called for. */

import type { AgentRegistry, EnrolmentRegistry } from "@agent-heartbeat/sdk/registry";
import type { StatusReader } from "@agent-heartbeat/sdk/status";
import { type Command, Option } from "commander";
import { usageError } from "../failure";
import type { Io } from "../io";
import { type TargetOptions, targetOptions } from "../options/target-options";
import { Printer } from "../terminal/printer";
import { serverTime } from "./server-time";
import type { Target } from "./target";

/** Names the organization where --organization does not. */
const ORGANIZATION_VARIABLE = "AGENT_HEARTBEAT_ORGANIZATION";

/** Options of every command that uses a deployment. */
export interface DeploymentOptions extends TargetOptions {
  organization?: string;
  json?: boolean;
  color?: boolean;
}

/** What a command needs of a deployment, whatever the organization. */
export interface Service {
  target: Target;
  registry: AgentRegistry;
  enrolments: EnrolmentRegistry;
  statuses: StatusReader;
  printer: Printer;
  /** Epoch milliseconds by the server's clock, by which registrations and enrolments end. */
  serverNow(): Promise<number>;
}

export interface Deployment extends Service {
  organizationId: string;
}

/** A new command with the options that name an organization and a target. */
export function deploymentCommand(parent: Command, name: string, summary: string): Command {
  return serviceCommand(
    parent,
    name,
    summary,
    new Option("-o, --organization <id>", `the organization (or ${ORGANIZATION_VARIABLE})`),
  );
}

/** A new command with the options that name a target. */
export function serviceCommand(
  parent: Command,
  name: string,
  summary: string,
  ...first: Option[]
): Command {
  const command = parent
    .command(name)
    .summary(summary)
    .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`);
  for (const option of first) command.addOption(option);
  for (const option of targetOptions()) command.addOption(option);
  return command.option("--json", "print JSON");
}

/** A commander action that finds the deployment, runs, and lets go of it. */
export function withDeployment<Options extends DeploymentOptions>(
  io: Io,
  run: (deployment: Deployment, options: Options, ...operands: string[]) => Promise<void>,
): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    const organizationId = organizationOf((args.at(-1) as Command).optsWithGlobals<Options>(), io);
    if (organizationId === undefined) {
      throw usageError(
        "No organization given.",
        `Add --organization <id>, or set ${ORGANIZATION_VARIABLE}. \`organizations list\` shows them.`,
      );
    }
    const withOrganization = withService<Options>(io, (service, options, ...operands) =>
      run({ ...service, organizationId }, options, ...operands),
    );
    await withOrganization(...args);
  };
}

/** The same without an organization. */
export function withService<Options extends DeploymentOptions>(
  io: Io,
  run: (service: Service, options: Options, ...operands: string[]) => Promise<void>,
): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1) as Command;
    const options = command.optsWithGlobals<Options>();
    const { findTarget } = await import("./target");
    const target = await findTarget(options, io);
    try {
      const { AgentRegistry, EnrolmentRegistry } = await import("@agent-heartbeat/sdk/registry");
      const { StatusReader } = await import("@agent-heartbeat/sdk/status");
      const { dynamoDb: client, statusTableName, registryTableName } = target;
      const now = () => io.now();
      const tables = { client, statusTableName, registryTableName, now };
      const statuses = new StatusReader({
        client,
        tableName: statusTableName,
        registryTableName,
        consistent: true,
        now,
      });
      const service: Service = {
        target,
        registry: new AgentRegistry(tables),
        enrolments: new EnrolmentRegistry(tables),
        statuses,
        printer: new Printer(io, options),
        async serverNow() {
          // Any read shows the time.
          await statuses.getAgent("clock", "clock");
          return serverTime({ statuses }, io);
        },
      };
      await run(service, options, ...command.args);
    } finally {
      target.dynamoDb.destroy();
    }
  };
}

/** The organization that the options or the environment name, if any. */
export function organizationOf(options: DeploymentOptions, io: Io): string | undefined {
  // A file of variables with lines from another system leaves its marks on their values.
  return options.organization || io.env[ORGANIZATION_VARIABLE]?.trim() || undefined;
}

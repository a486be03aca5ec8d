/** `status`: who is online, since when, and why the others are not. */

import type { AgentPresence, Status } from "@agent-heartbeat/sdk/status";
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  type Deployment,
  type DeploymentOptions,
  deploymentCommand,
  withDeployment,
} from "../deployment";
import { CliError, EXIT } from "../failure";
import type { Io } from "../io";
import { presenceColumns, printPresence, summary } from "../status-view";
import { watch } from "../watch";

interface Options extends DeploymentOptions {
  status?: Status;
  watch?: boolean;
  interval: number;
}

const DEFAULT_INTERVAL_SECONDS = 2;

export function addStatus(program: Command, io: Io): void {
  deploymentCommand(program, "status", "show who is online, and why the others are not")
    .argument("[agent]", "only this agent")
    .addOption(new Option("--status <status>", "only these").choices(["online", "offline"]))
    .option("-w, --watch", "go on, and show each change")
    .option("--interval <seconds>", "time between two looks", seconds, DEFAULT_INTERVAL_SECONDS)
    .addHelpText(
      "after",
      `\n--watch redraws a table in place at a terminal, else it prints changes line by line.\nWith an agent and --status, the exit code is ${EXIT.otherStatus} if its status is another.`,
    )
    .action(
      withDeployment<Options>(io, async (deployment, options, agentId) => {
        if (options.watch) return watchStatus(deployment, options, agentId, io);
        if (agentId !== undefined) return oneAgent(deployment, options, agentId, io);
        await allAgents(deployment, options, io);
      }),
    );
}

async function allAgents(deployment: Deployment, options: Options, io: Io): Promise<void> {
  const { organizationId, printer } = deployment;
  const agents = await read(deployment, options);
  if (printer.json) return printer.value(agents);
  if (agents.length === 0) {
    const which = options.status ? `${options.status} agents` : "agents with a status";
    return printer.lines(`Organization ${organizationId} has no ${which}.`);
  }
  printer.table(agents, presenceColumns(serverTime(deployment, io), printer));
  printer.lines("", summary(agents, printer));
}

async function oneAgent(
  deployment: Deployment,
  options: Options,
  agentId: string,
  io: Io,
): Promise<void> {
  const { organizationId, printer, statuses } = deployment;
  const agent = await statuses.getAgent(organizationId, agentId);
  if (!agent) {
    throw new CliError(
      `Agent ${agentId} of organization ${organizationId} has no status: it never connected, was removed, or has been gone for long.`,
      EXIT.notFound,
      "`agents get` shows whether it is registered.",
    );
  }
  if (printer.json) printer.value(agent);
  else printPresence(agent, serverTime(deployment, io), printer);
  if (options.status && agent.status !== options.status) {
    throw new CliError(`Agent ${agentId} is ${agent.status}.`, EXIT.otherStatus);
  }
}

function watchStatus(
  deployment: Deployment,
  options: Options,
  agentId: string | undefined,
  io: Io,
): Promise<void> {
  const { organizationId, target, printer } = deployment;
  return watch(
    {
      intervalMs: options.interval * 1000,
      title: `${organizationId} in ${target.name}`,
      read: () => read(deployment, options, agentId),
      now: () => serverTime(deployment, io),
    },
    io,
    printer,
  );
}

async function read(
  { statuses, organizationId }: Deployment,
  { status }: Options,
  agentId?: string,
): Promise<AgentPresence[]> {
  if (agentId !== undefined) {
    const agent = await statuses.getAgent(organizationId, agentId);
    return agent && (!status || agent.status === status) ? [agent] : [];
  }
  const agents: AgentPresence[] = [];
  const wanted = { organizationId, ...(status && { status }) };
  for await (const agent of statuses.allAgents(wanted)) agents.push(agent);
  return agents;
}

function serverTime({ statuses }: Deployment, io: Io): number {
  return io.now() + statuses.clockOffsetMs;
}

function seconds(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0.2 && value <= 3600) return value;
  throw new InvalidArgumentError("Expected seconds, from 0.2 to 3600.");
}

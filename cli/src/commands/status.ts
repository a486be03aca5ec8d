/** `status`: who is online, since when, and why the others are not. */

import type { AgentPresence } from "@agent-heartbeat/sdk/status";
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  type Deployment,
  type DeploymentOptions,
  deploymentCommand,
  withDeployment,
} from "../deployment/deployment";
import { serverTime } from "../deployment/server-time";
import { CliError, EXIT, usageError } from "../failure";
import type { Io } from "../io";
import { readAgents } from "../status/read-agents";
import { matches, STATUS_FILTERS, type StatusFilter, wordOf } from "../status/status-filter";

interface Options extends DeploymentOptions {
  status?: StatusFilter;
  capability?: string;
  watch?: boolean;
  interval: number;
}

const DEFAULT_INTERVAL_SECONDS = 2;

export function addStatus(program: Command, io: Io): void {
  deploymentCommand(program, "status", "show who is online, and why the others are not")
    .argument("[agent]", "only this agent")
    .addOption(
      new Option("--status <status>", "only agents with this status").choices(STATUS_FILTERS),
    )
    .option("--capability <name>", "only agents with this capability")
    .option("-w, --watch", "keep running and show each change")
    .option("--interval <seconds>", "time between two updates", seconds, DEFAULT_INTERVAL_SECONDS)
    .addHelpText(
      "after",
      `\n--watch redraws a table in a terminal; otherwise it prints one line per change.\nWith an agent and --status, the exit code is ${EXIT.otherStatus} if its status is different.`,
    )
    .action(
      withDeployment<Options>(io, async (deployment, options, agentId) => {
        if (agentId !== undefined && options.capability !== undefined) {
          throw usageError("An agent and --capability exclude each other.");
        }
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
    const able = options.capability ? ` and the capability ${options.capability}` : "";
    return printer.lines(`Organization ${organizationId} has no ${which}${able}.`);
  }
  const { presenceColumns, summary } = await import("../status/status-view");
  printer.table(agents, presenceColumns(serverTime(deployment, io), printer));
  printer.lines("", summary(agents, printer));
  const massExpiry = await deployment.statuses.massExpiry(organizationId);
  if (massExpiry) {
    const { massExpiryWarning, MASS_EXPIRY_ADVICE } = await import("../status/mass-expiry");
    const beware = massExpiryWarning(massExpiry, serverTime(deployment, io));
    printer.lines("", printer.colours.yellow(beware), MASS_EXPIRY_ADVICE);
  }
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
      `Agent ${agentId} of organization ${organizationId} has no status: it never connected, was removed, or has been offline for a long time.`,
      EXIT.notFound,
      "`agents get` shows whether it is registered.",
    );
  }
  const { printPresence } = await import("../status/status-view");
  if (printer.json) printer.value(agent);
  else printPresence(agent, serverTime(deployment, io), printer);
  if (!matches(agent, options.status)) {
    throw new CliError(`Agent ${agentId} is ${wordOf(agent)}.`, EXIT.otherStatus);
  }
}

async function watchStatus(
  deployment: Deployment,
  options: Options,
  agentId: string | undefined,
  io: Io,
): Promise<void> {
  const { organizationId, target, printer } = deployment;
  const { watch } = await import("../status/watch");
  return watch(
    {
      intervalMs: options.interval * 1000,
      title: `${organizationId} in ${target.name}`,
      async read() {
        const agents = await read(deployment, options, agentId);
        return { agents, massExpiry: await deployment.statuses.massExpiry(organizationId) };
      },
      now: () => serverTime(deployment, io),
    },
    io,
    printer,
  );
}

async function read(
  deployment: Deployment,
  { status: filter, capability }: Options,
  agentId?: string,
): Promise<AgentPresence[]> {
  if (agentId !== undefined) {
    const { statuses, organizationId } = deployment;
    const agent = await statuses.getAgent(organizationId, agentId);
    return agent && matches(agent, filter) ? [agent] : [];
  }
  return readAgents(deployment, filter, capability);
}

function seconds(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0.2 && value <= 3600) return value;
  throw new InvalidArgumentError("Expected seconds, from 0.2 to 3600.");
}

/** `events`: what happened to agents, and what happens. */

import type { FleetChange, FleetWatcher } from "@agent-heartbeat/sdk";
import { type Command, InvalidArgumentError } from "commander";
import {
  type Deployment,
  type DeploymentOptions,
  deploymentCommand,
  withDeployment,
} from "../deployment/deployment";
import { printEvent, type ShownEvent } from "../events/event-view";
import { watchFleet } from "../events/live-fleet";
import type { Io } from "../io";
import { wordOf } from "../status/status-filter";
import { aborted } from "../terminal/aborted";

interface Options extends DeploymentOptions {
  follow?: boolean;
  limit: number;
}

const DEFAULT_LIMIT = 20;

/** To follow for longer, run the command again. */
const LIFETIME_MS = 24 * 3_600_000;

export function addEvents(program: Command, io: Io): void {
  deploymentCommand(
    program,
    "events",
    "show agents that came online, went offline, stalled, recovered or drained",
  )
    .argument("[agent]", "only this agent")
    .option("-f, --follow", "keep running and show each event as it happens")
    .option("--limit <count>", "number of past events", count, DEFAULT_LIMIT)
    .addHelpText("after", "\nWith --json, each line is an object.")
    .action(
      withDeployment<Options>(io, async (deployment, { follow, limit }, agentId) => {
        if (follow) await followEvents(deployment, { limit, agentId }, io);
        else await past(deployment, limit, agentId);
      }),
    );
}

async function past(
  { statuses, organizationId, printer }: Deployment,
  limit: number,
  agentId: string | undefined,
): Promise<ShownEvent[]> {
  const events = limit === 0 ? [] : await statuses.transitions(organizationId, agentId);
  const shown = events.slice(0, limit).reverse();
  if (shown.length === 0 && limit > 0 && !printer.json) {
    const whom = agentId ?? "the agents";
    printer.lines(`There are no stored events of ${whom} of ${organizationId}.`);
  }
  for (const event of shown) printEvent(event, printer);
  return shown;
}

async function followEvents(
  deployment: Deployment,
  { limit, agentId }: { limit: number; agentId: string | undefined },
  io: Io,
): Promise<void> {
  const { printer } = deployment;
  const description = "`events --follow` of the command line";
  const fleet = await watchFleet(deployment, { lifetimeMs: LIFETIME_MS, description }, io);
  if (!fleet) return;
  try {
    // Listening begins before the past is read; what happens in between is shown after it.
    const events = listenTo(fleet.watcher, agentId, (event) => printEvent(event, printer));
    events.follow(await past(deployment, limit, agentId));
    await aborted(io.signal);
  } finally {
    await fleet.stop();
  }
}

/**
 * Shows each event once: the end of a lease is derived from the clock first, and published by the sweep later.
 * Events wait until it is known which of them have been shown already.
 */
function listenTo(
  watcher: FleetWatcher,
  only: string | undefined,
  print: (event: ShownEvent) => void,
): { follow(shown: readonly ShownEvent[]): void } {
  let waiting: ShownEvent[] | null = [];
  const words = new Map<string, string>();
  for (const [agentId, presence] of watcher.agents) words.set(agentId, wordOf(presence));
  watcher.on("change", (change) => {
    const { agentId } = change;
    const event = eventOf(change, watcher.serverNow());
    const word = change.current ? wordOf(change.current) : "offline";
    if (only !== undefined && agentId !== only) return;
    if (!event || words.get(agentId) === word) return;
    words.set(agentId, word);
    if (waiting) waiting.push(event);
    else print(event);
  });
  return {
    follow(shown) {
      const known = new Set(shown.map(keyOf));
      for (const event of waiting ?? []) if (!known.has(keyOf(event))) print(event);
      waiting = null;
    },
  };
}

const keyOf = ({ agentId, event, at }: ShownEvent) => `${agentId} ${event} ${at}`;

/** What happened, as published by the service or derived from the clock. */
function eventOf({ agentId, current, transition }: FleetChange, now: number): ShownEvent | null {
  if (transition) {
    const { at, event, reason } = transition;
    return { at, agentId, event, reason };
  }
  if (!current) return { at: now, agentId, event: "offline", reason: "revoked" };
  if (current.status === "offline") {
    const { since: at, reason } = current;
    return { at, agentId, event: "offline", reason: reason ?? "lease_expired" };
  }
  if (current.stalledSince !== null) {
    return { at: current.stalledSince, agentId, event: "stalled", reason: "no_progress" };
  }
  if (wordOf(current) === "draining") {
    return { at: current.lastHeartbeatAt, agentId, event: "draining", reason: "drain_started" };
  }
  return { at: current.since, agentId, event: "online", reason: "connected" };
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 10_000) return value;
  throw new InvalidArgumentError("Expected a whole number, from 0 to 10000.");
}

/**
 * Simulates a fleet during an outage and a loss in memory: which agents the sweep reports as
 * offline, and when.
 */

import { counted, NO_AGENTS } from "../lambda/sweep/fleet-counts";
import type { OnlineRow } from "../lambda/sweep/scan";
import type {
  HoldState,
  nextAction,
  SelfPreservationTerms,
} from "../lambda/sweep/self-preservation-rule";

const INTERVAL_MS = 30_000;
export const LEASE_MS = 90_000;
const GRACE_MS = 2000;

/** The history of a fleet. Times are milliseconds since its start. */
export interface FleetHistory {
  agents: number;
  sweepMs: number;
  /** The time of the first sweep. */
  sweepPhaseMs: number;
  /** Periods in which no heartbeat reaches the table, although the agents send them. */
  outages: { from: number; to: number }[];
  /** Whether the gateway still receives the agents' messages, which their connections show. */
  heardByGateway: boolean;
  /** How many agents die, and when. */
  dead: number;
  diesAt: number;
  until: number;
}

export interface OfflineReport {
  agent: number;
  at: number;
}

/**
 * Runs the sweep's decision over a history. Returns the published offline agents and the decisions.
 */
export function simulateFleet(
  history: FleetHistory,
  terms: SelfPreservationTerms,
  decide: typeof nextAction,
): { reported: OfflineReport[]; actions: string[] } {
  const reported: OfflineReport[] = [];
  const actions: string[] = [];
  const offline = new Set<number>();
  // One row for all agents: millions are counted.
  const row = newestRow();
  // The latest outage first.
  const outages = [...history.outages].reverse();
  let standing: HoldState | undefined;
  for (let now = history.sweepPhaseMs; now <= history.until; now += history.sweepMs) {
    const leases: [agent: number, expiresAt: number][] = [];
    let counts = NO_AGENTS;
    for (let agent = 0; agent < history.agents; agent++) {
      const lastHeartbeatAt = lastHeardAt(history, outages, agent, now);
      // An agent whose heartbeats arrive again comes back online.
      if (now < lastHeartbeatAt + LEASE_MS) offline.delete(agent);
      if (offline.has(agent)) continue;
      row.lastHeartbeatAt = lastHeartbeatAt;
      row.leaseExpiresAt = lastHeartbeatAt + LEASE_MS;
      leases.push([agent, row.leaseExpiresAt]);
      counts = counted(counts, row, now);
    }
    const action = decide(standing, counts, true, now, terms);
    if (action !== "act") actions.push(action);
    if (action === "suspect") standing = { heldUntil: now + terms.holdMs };
    if (action === "confirm" && standing) standing = { ...standing, confirmedAt: now };
    if (action === "recover" || action === "forget") standing = undefined;
    if (action === "suspect" || action === "hold") continue;
    const confirmed = standing?.confirmedAt !== undefined;
    for (const [agent, expiresAt] of leases) {
      if (expiresAt >= now - GRACE_MS) continue;
      // The connection is looked up, and shows that the agent is active.
      const recentlyActive = history.heardByGateway && agent >= history.dead;
      if (!confirmed && recentlyActive && now < expiresAt + terms.holdMs) continue;
      offline.add(agent);
      reported.push({ agent, at: now });
    }
  }
  return { reported, actions };
}

/** Heartbeats are evenly spread. The first agents are those that die. */
function lastHeardAt(
  { agents, dead, diesAt }: FleetHistory,
  outages: FleetHistory["outages"],
  agent: number,
  now: number,
): number {
  const end = agent < dead ? Math.min(now, diesAt) : now;
  const phase = Math.floor((agent * INTERVAL_MS) / agents);
  let lastHeartbeatAt = Math.floor((end - phase) / INTERVAL_MS) * INTERVAL_MS + phase;
  for (const { from, to } of outages) {
    if (lastHeartbeatAt < from || lastHeartbeatAt >= to) continue;
    lastHeartbeatAt -= (Math.floor((lastHeartbeatAt - from) / INTERVAL_MS) + 1) * INTERVAL_MS;
  }
  return lastHeartbeatAt;
}

const newestRow = (): OnlineRow => ({
  organizationId: "acme",
  agentId: "a1",
  connectionId: "A=",
  connectedAt: 0,
  connections: new Set(["A=.key"]),
  lastHeartbeatAt: 0,
  leaseExpiresAt: LEASE_MS,
  heartbeatIntervalMs: INTERVAL_MS,
});

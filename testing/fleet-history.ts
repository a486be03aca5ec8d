/** A fleet through an outage and a loss, in memory: who the sweep would tell of as offline, and when. */

import { counted, NOBODY } from "../lambda/sweep/fleet-counts";
import type { OnlineRow } from "../lambda/sweep/scan";
import type {
  SelfPreservationTerms,
  Standing,
  verdictOn,
} from "../lambda/sweep/self-preservation-rule";

const INTERVAL_MS = 30_000;
export const LEASE_MS = 90_000;
const GRACE_MS = 2000;

/** What happens to a fleet. Times are milliseconds from its beginning. */
export interface FleetHistory {
  agents: number;
  sweepMs: number;
  /** When the first sweep is. */
  sweepPhaseMs: number;
  /** When no heartbeat reaches the table, though the agents beat. */
  outages: { from: number; to: number }[];
  /** Whether the gateway hears the agents all the same, and their connections show it. */
  heardByGateway: boolean;
  /** How many die, and when. */
  dead: number;
  diesAt: number;
  until: number;
}

export interface Told {
  agent: number;
  at: number;
}

/** Plays a history with a way of judging; returns who was told of as offline, and what was suspected. */
export function play(
  history: FleetHistory,
  terms: SelfPreservationTerms,
  judge: typeof verdictOn,
): { told: Told[]; verdicts: string[] } {
  const told: Told[] = [];
  const verdicts: string[] = [];
  const offline = new Set<number>();
  let standing: Standing | undefined;
  for (let now = history.sweepPhaseMs; now <= history.until; now += history.sweepMs) {
    const rows: [number, OnlineRow][] = [];
    for (let agent = 0; agent < history.agents; agent++) {
      const lastHeartbeatAt = lastHeardAt(history, agent, now);
      // Whoever is heard again comes back by itself.
      if (now < lastHeartbeatAt + LEASE_MS) offline.delete(agent);
      if (!offline.has(agent)) rows.push([agent, rowOf(lastHeartbeatAt)]);
    }
    const tally = rows.reduce((sum, [, row]) => counted(sum, row, now), NOBODY);
    const verdict = judge(standing, tally, true, now, terms);
    if (verdict !== "act") verdicts.push(verdict);
    if (verdict === "suspect") standing = { heldUntil: now + terms.holdMs };
    if (verdict === "confirm" && standing) standing = { ...standing, confirmedAt: now };
    if (verdict === "recover" || verdict === "forget") standing = undefined;
    if (verdict === "suspect" || verdict === "hold") continue;
    const confirmed = standing?.confirmedAt !== undefined;
    for (const [agent, row] of rows) {
      if (row.leaseExpiresAt >= now - GRACE_MS) continue;
      // Its connection is looked at, and shows that it speaks.
      const speaks = history.heardByGateway && agent >= history.dead;
      if (!confirmed && speaks && now < row.leaseExpiresAt + terms.holdMs) continue;
      offline.add(agent);
      told.push({ agent, at: now });
    }
  }
  return { told, verdicts };
}

/** The agents beat one after the other; the first of them die. */
function lastHeardAt(history: FleetHistory, agent: number, now: number): number {
  const { agents, outages, dead, diesAt } = history;
  const end = agent < dead ? Math.min(now, diesAt) : now;
  const phase = Math.floor((agent * INTERVAL_MS) / agents);
  let beat = Math.floor((end - phase) / INTERVAL_MS) * INTERVAL_MS + phase;
  for (const { from, to } of [...outages].reverse()) {
    while (beat >= from && beat < to) beat -= INTERVAL_MS;
  }
  return beat;
}

const rowOf = (lastHeartbeatAt: number): OnlineRow => ({
  organizationId: "acme",
  agentId: "a1",
  connectionId: "A=",
  connectedAt: 0,
  connections: new Set(["A=.key"]),
  lastHeartbeatAt,
  leaseExpiresAt: lastHeartbeatAt + LEASE_MS,
  heartbeatIntervalMs: INTERVAL_MS,
});

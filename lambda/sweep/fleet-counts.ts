/** Counts the fleet during a sweep. */

import type { OnlineRow } from "./scan";

/** Agents stored as online, in one or more segments. */
export interface FleetCounts {
  /** Their lease has not expired: online by their derived status. */
  online: number;
  /** Of these, those that have missed a heartbeat. */
  overdue: number;
  /** Of those online, those that are marked as stalled. */
  stalled: number;
  /** Their lease has expired, but is not stored as expired yet. */
  over: number;
}

/**
 * A heartbeat counts as missed when it is late by a quarter of its interval: more than a network delays it, but less than the
 * shortest lease allows.
 */
const OVERDUE_INTERVALS = 1.25;

/** The counts of each organization. */
export type OrganizationCounts = ReadonlyMap<string, FleetCounts>;

/** Agents that have missed a heartbeat, whether or not their lease has expired. */
export const silentOf = ({ overdue, over }: FleetCounts) => overdue + over;

export const NO_AGENTS: FleetCounts = { online: 0, overdue: 0, stalled: 0, over: 0 };

/** The counts including one more row. */
export function counted(counts: FleetCounts, row: OnlineRow, now: number): FleetCounts {
  const { online, overdue, stalled, over } = counts;
  if (now >= row.leaseExpiresAt) return { ...counts, over: over + 1 };
  const late = now - row.lastHeartbeatAt > OVERDUE_INTERVALS * row.heartbeatIntervalMs;
  return {
    online: online + 1,
    overdue: overdue + (late ? 1 : 0),
    stalled: stalled + (row.stalledSince === undefined ? 0 : 1),
    over,
  };
}

export function sumOf(parts: readonly FleetCounts[]): FleetCounts {
  return parts.reduce(
    (sum, { online, overdue, stalled, over }) => ({
      online: sum.online + online,
      overdue: sum.overdue + overdue,
      stalled: sum.stalled + stalled,
      over: sum.over + over,
    }),
    NO_AGENTS,
  );
}

/** The counts of all organizations but the one with the most silent agents: an outage of the service has others too. */
export function withoutWorst(organizations: OrganizationCounts): FleetCounts {
  const counts = [...organizations.values()].sort((one, other) => silentOf(other) - silentOf(one));
  return sumOf(counts.slice(1));
}

/** The sum of the counts of the same organizations in several parts of the table. */
export function merged(parts: readonly OrganizationCounts[]): OrganizationCounts {
  const all = new Map<string, FleetCounts>();
  for (const part of parts) {
    for (const [organizationId, counts] of part) {
      all.set(organizationId, sumOf([all.get(organizationId) ?? NO_AGENTS, counts]));
    }
  }
  return all;
}

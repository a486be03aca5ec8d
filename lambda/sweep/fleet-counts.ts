/** Counts the fleet while the sweep passes over it. */

import type { OnlineRow } from "./scan";

/** Agents that are stored as online, of one or more segments. */
export interface FleetCounts {
  /** Their lease runs: online by their derived status. */
  online: number;
  /** Of these, who has missed a heartbeat: how well heartbeats reach the table. */
  overdue: number;
  /** Their lease is over, which the next write of the sweep would store, and tell. */
  over: number;
}

/**
 * A heartbeat is missed once it is late by a quarter of its interval: more than a network delays it, and
 * less than the shortest lease leaves after it.
 */
const OVERDUE_INTERVALS = 1.25;

export const NOBODY: FleetCounts = { online: 0, overdue: 0, over: 0 };

/** The tally with one more row. */
export function counted(
  { online, overdue, over }: FleetCounts,
  row: OnlineRow,
  now: number,
): FleetCounts {
  if (now >= row.leaseExpiresAt) return { online, overdue, over: over + 1 };
  const late = now - row.lastHeartbeatAt > OVERDUE_INTERVALS * row.heartbeatIntervalMs;
  return { online: online + 1, overdue: overdue + (late ? 1 : 0), over };
}

export function sumOf(tallies: readonly FleetCounts[]): FleetCounts {
  return tallies.reduce(
    (sum, { online, overdue, over }) => ({
      online: sum.online + online,
      overdue: sum.overdue + overdue,
      over: sum.over + over,
    }),
    NOBODY,
  );
}

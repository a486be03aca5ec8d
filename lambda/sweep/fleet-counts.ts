/** Counts the fleet during a sweep. */

import type { OnlineRow } from "./scan";

/** Agents that are stored as online, of one or more segments. */
export interface FleetCounts {
  /** Their lease has not expired: online by their derived status. */
  online: number;
  /** Of these, who has missed a heartbeat: how well heartbeats reach the table. */
  overdue: number;
  /** Their lease has expired, and is not stored as expired yet. */
  over: number;
}

/**
 * A heartbeat is missed once it is late by a quarter of its interval: more than a network delays it, and
 * less than the shortest lease leaves after it.
 */
const OVERDUE_INTERVALS = 1.25;

export const NO_AGENTS: FleetCounts = { online: 0, overdue: 0, over: 0 };

/** The counts with one more row. */
export function counted(
  { online, overdue, over }: FleetCounts,
  row: OnlineRow,
  now: number,
): FleetCounts {
  if (now >= row.leaseExpiresAt) return { online, overdue, over: over + 1 };
  const late = now - row.lastHeartbeatAt > OVERDUE_INTERVALS * row.heartbeatIntervalMs;
  return { online: online + 1, overdue: overdue + (late ? 1 : 0), over };
}

export function sumOf(parts: readonly FleetCounts[]): FleetCounts {
  return parts.reduce(
    (sum, { online, overdue, over }) => ({
      online: sum.online + online,
      overdue: sum.overdue + overdue,
      over: sum.over + over,
    }),
    NO_AGENTS,
  );
}

/** Counts the fleet while the sweep passes over it. */

import type { OnlineRow } from "./scan";

/** Agents of one or more segments, by derived status. */
export interface Tally {
  /** Their lease runs. */
  online: number;
  /** Of these, who has missed a heartbeat: how well heartbeats reach the table. */
  overdue: number;
}

/**
 * A heartbeat is missed once it is late by a quarter of its interval: more than a network delays it, and
 * less than the shortest lease leaves after it.
 */
const OVERDUE_INTERVALS = 1.25;

export const NOBODY: Tally = { online: 0, overdue: 0 };

/** The tally with one more row. */
export function counted({ online, overdue }: Tally, row: OnlineRow, now: number): Tally {
  if (now >= row.leaseExpiresAt) return { online, overdue };
  const late = now - row.lastHeartbeatAt > OVERDUE_INTERVALS * row.heartbeatIntervalMs;
  return { online: online + 1, overdue: overdue + (late ? 1 : 0) };
}

export function sumOf(tallies: readonly Tally[]): Tally {
  return tallies.reduce((sum, { online, overdue }) => {
    return { online: sum.online + online, overdue: sum.overdue + overdue };
  }, NOBODY);
}

/** Computes when work counts as stalled, from the activity in a heartbeat. */

import type { Activity } from "../../core/presence";

/** The next heartbeat may still be in flight when it is due. */
export const IN_FLIGHT_MS = 2000;

/**
 * When the work stalls unless it makes progress before; undefined if it can't stall. If the work was already silent for too
 * long when the heartbeat was sent, it stalled at its deadline. Otherwise it may make progress before the next heartbeat, and
 * can't report it sooner: see decision 21.
 */
export function stallDeadline(
  { state, maxSilenceMs, progressAt, startedAt }: Activity,
  now: number,
  heartbeatIntervalMs: number,
): number | undefined {
  // A blocked event loop is reported by the heartbeat thread.
  const works = state === "working" || state === "blocked";
  if (!works || maxSilenceMs === undefined) return undefined;
  // Progress can't lie in the future.
  const deadline = Math.min(progressAt ?? startedAt ?? now, now) + maxSilenceMs;
  return deadline <= now ? deadline : Math.max(deadline, now + heartbeatIntervalMs + IN_FLIGHT_MS);
}

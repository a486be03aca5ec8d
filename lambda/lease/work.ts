/** When work counts as stalled, by what a heartbeat says of it. */

import type { Activity } from "../../core/protocol";

/** A heartbeat that is due may still be on its way. */
const ON_ITS_WAY_MS = 2000;

/**
 * When the work stalls unless it advances before; undefined if it can't. Work that has been silent for too long
 * when the heartbeat is sent has stalled when its time was over. Other work may advance before the next heartbeat and
 * can't say so sooner: until that one is due it has not stalled, however short its time is.
 */
export function stallDeadline(
  { state, maxSilenceMs, progressAt, startedAt }: Activity,
  now: number,
  heartbeatIntervalMs: number,
): number | undefined {
  // An event loop that a handler blocks is reported by another thread, which sees no progress either.
  const works = state === "working" || state === "blocked";
  if (!works || maxSilenceMs === undefined) return undefined;
  // Progress can't lie in the future.
  const deadline = Math.min(progressAt ?? startedAt ?? now, now) + maxSilenceMs;
  return deadline <= now ? deadline : Math.max(deadline, now + heartbeatIntervalMs + ON_ITS_WAY_MS);
}

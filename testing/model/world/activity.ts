/** What heartbeats say of the work. */

import type { Activity } from "../../../core/presence";

/** What a heartbeat says of the work: nothing, that it drains, or that it works, for some time without progress. */
export function activityAt(now: number, detail: number): Activity | undefined {
  if (detail % 13 === 12) return { state: "draining" };
  const [maxSilenceMs, silentMs] = SILENCES[detail % SILENCES.length] ?? [];
  if (maxSilenceMs === undefined || silentMs === undefined) return undefined;
  return { state: "working", maxSilenceMs, progressAt: now - silentMs };
}

/** How long work may be silent, and how long it was. */
const SILENCES = [[], [3000, 1000], [3000, 4000], [6500, 0], [], [60_000, 0]] as const;

/** How many agents were online: before the page was opened as the service counted them, and then as the page saw them. */

import type { OnlineCount } from "@agent-heartbeat/sdk/protocol";
import type { TrendPoint } from "../fleet/trend-log";

export interface Counted {
  at: number;
  online: number;
}

/** What the sweeps counted, and since the page was opened what it saw itself, from `begin` on. */
export function onlineIn(
  stored: readonly OnlineCount[],
  points: readonly TrendPoint[],
  begin: number,
): Counted[] {
  const seen = points.flatMap(({ at, online }) => (online === null ? [] : [{ at, online }]));
  const opened = seen[0]?.at ?? Number.POSITIVE_INFINITY;
  return [...stored.filter(({ at }) => at < opened), ...seen].filter(({ at }) => at >= begin);
}

/** The counts of the last day, which the sweeps stored. */

import type { OnlineCount } from "@agent-heartbeat/sdk/protocol";
import { useEffect, useState } from "react";
import { useFleet, useStore } from "../fleet/context";
import { isStale } from "../fleet/fleet-store";
import { useNow } from "../time/ticker";

/** As often as a sweep may store counts, in milliseconds. */
const REFRESH_MS = 4 * 60_000;

/** Empty until the counts are loaded. A failure keeps those that were loaded before. */
export function useDay(): readonly OnlineCount[] {
  const { day } = useStore();
  const stale = isStale(useFleet());
  const period = useNow(REFRESH_MS);
  const [counts, setCounts] = useState<readonly OnlineCount[]>([]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: loads again in each period
  useEffect(() => {
    if (stale) return;
    let current = true;
    day().then(
      (loaded) => current && setCounts(loaded),
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [stale, day, period]);
  return counts;
}

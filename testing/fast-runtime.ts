/** The real network under a clock that runs faster, so that minutes pass in moments. */

import type { Runtime } from "@agent-heartbeat/sdk";

/** A runtime whose time runs `factor` times as fast as real time. */
export function fastRuntime(factor: number): Partial<Runtime> {
  const origin = performance.now();
  const wallOrigin = Date.now();
  const elapsed = () => (performance.now() - origin) * factor;
  return {
    now: () => wallOrigin + elapsed(),
    monotonic: elapsed,
    setTimeout: (callback, delayMs) => setTimeout(callback, delayMs / factor),
  };
}

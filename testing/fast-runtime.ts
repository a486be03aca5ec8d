/** A runtime with the real network and an accelerated clock. */

import type { Runtime } from "@agent-heartbeat/sdk";

/** Its time runs `factor` times as fast as real time. */
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

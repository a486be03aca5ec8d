/** A runtime with the real network and an accelerated clock. */

import type { Runtime } from "@agent-heartbeat/sdk";
import { FakeRuntime } from "./fake-runtime";

const TICK_MS = 2;

/**
 * Its time runs at most `factor` times as fast as real time, while a timer is set. It advances by ticks of this
 * process, not by the machine's clock: a process that a busy machine holds up finds no time-out passed meanwhile.
 */
export function fastRuntime(factor: number): Partial<Runtime> {
  const clock = new FakeRuntime();
  clock.wall = Date.now();
  let isTicking = false;
  const next = () => {
    isTicking = clock.pendingTimers > 0;
    if (isTicking) setTimeout(tick, TICK_MS);
  };
  const tick = () => {
    clock.advance(TICK_MS * factor);
    next();
  };
  return {
    now: clock.now,
    monotonic: clock.monotonic,
    setTimeout: (callback, delayMs) => {
      const timer = clock.setTimeout(callback, delayMs);
      if (!isTicking) next();
      return timer;
    },
    clearTimeout: clock.clearTimeout,
  };
}

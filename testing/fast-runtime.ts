/** A runtime with the real network and an accelerated clock. */

import { randomFill } from "node:crypto";
import type { Runtime } from "@agent-heartbeat/sdk";
import { FakeRuntime } from "./fake-runtime";

const TICK_MS = 2;

/**
 * Its time runs at most `factor` times as fast as real time, while a timer is set. It advances by ticks of this
 * process and of its thread pool, which signs and verifies, not by the machine's clock: what a busy machine holds up
 * finds no time-out passed meanwhile.
 */
export function fastRuntime(factor: number): Partial<Runtime> {
  const clock = new FakeRuntime();
  clock.wall = Date.now();
  let isTicking = false;
  const next = () => {
    isTicking = clock.pendingTimers > 0;
    if (isTicking) setTimeout(() => randomFill(Buffer.alloc(1), tick), TICK_MS);
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

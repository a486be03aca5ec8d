/** The only timer of a connection manager. It also reports how late it fired: a late timer means that time was lost. */

import type { Runtime } from "../platform/runtime";
import { type Clocks, passedSince, readClocks } from "./clocks";

/**
 * By how much the time of a timer has passed, in milliseconds, negative before it: by the monotonic clock; how long the pause
 * was for certain; and how long it may have been, for the wall clock runs on while the machine sleeps, but may have been set.
 */
export type Lateness = [lateMs: number, pauseMs: number, doubtfulMs: number];

export class WakeTimer {
  #timer: unknown = null;
  /** What the clocks show when it is due; null where it is not set. */
  #due: Clocks | null = null;

  constructor(
    private readonly platform: Runtime,
    private readonly wake: () => void,
  ) {}

  /** Rings at a monotonic time, and no longer at the one set before. */
  set(at: number): void {
    this.clear();
    const clocks = readClocks(this.platform);
    const delayMs = Math.max(0, at - clocks[0]);
    this.#due = clocks.map((time) => time + delayMs) as Clocks;
    this.#timer = this.platform.setTimeout(this.wake, delayMs);
  }

  clear(): void {
    this.platform.clearTimeout(this.#timer);
    this.#due = null;
  }

  /** Null where it is not set. */
  lateness(): Lateness | null {
    if (!this.#due) return null;
    const [lateMs, bootMs, wallMs] = passedSince(this.platform, this.#due);
    const pauseMs = Math.max(lateMs, bootMs);
    return [lateMs, pauseMs, Math.max(pauseMs, wallMs)];
  }
}

/** The one timer of a link, which also tells how late it came: a late timer means that time was lost. */

import type { Runtime } from "../platform/runtime";

export class WakeTimer {
  #timer: unknown = null;
  #due: { at: number; wallAt: number } | null = null;

  constructor(
    private readonly runtime: Runtime,
    private readonly ring: () => void,
  ) {}

  /** Rings at a monotonic time, and no longer at the one set before. */
  set(at: number): void {
    this.clear();
    const delayMs = Math.max(0, at - this.runtime.monotonic());
    this.#due = {
      at: this.runtime.monotonic() + delayMs,
      wallAt: this.runtime.now() + delayMs,
    };
    this.#timer = this.runtime.setTimeout(this.ring, delayMs);
  }

  clear(): void {
    this.runtime.clearTimeout(this.#timer);
    this.#due = null;
  }

  /**
   * By how much its time has passed, in milliseconds, negative before it: by the monotonic clock, and by
   * the clock that ran further. Only the wall clock is sure to run on while the machine sleeps.
   */
  lateness(): { lateMs: number; pauseMs: number } | null {
    if (!this.#due) return null;
    const lateMs = this.runtime.monotonic() - this.#due.at;
    return { lateMs, pauseMs: Math.max(lateMs, this.runtime.now() - this.#due.wallAt) };
  }
}

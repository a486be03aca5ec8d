/** A clock that only a test advances. */

import type { Clock } from "../local/aws/clock";

export class FakeClock implements Clock {
  #now = 1_800_000_000_000;
  readonly #timers = new Set<{ at: number; work: () => void }>();

  now(): number {
    return this.#now;
  }

  after(delayMs: number, work: () => void) {
    const timer = { at: this.#now + delayMs, work };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Advances time and runs the due timers in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.work();
    }
    this.#now = end;
  }
}

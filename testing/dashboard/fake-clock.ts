/** A clock that the test advances. */

import type { Clock } from "../../dashboard/src/time/clock";
import { NOON } from "./fake-fleet";

export class FakeClock implements Clock {
  #now = NOON;
  #timers: { at: number; callback: () => void }[] = [];

  now = () => this.#now;

  setTimeout(callback: () => void, delayMs: number) {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.push(timer);
    return timer;
  }

  clearTimeout(timer: unknown) {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }

  advance(ms: number) {
    const end = this.#now + ms;
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.clearTimeout(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = end;
  }
}

/**
 * Limits the rate of each connection without a read or a write: every container of a function counts for itself, so
 * that a connection gets at most its rate times the containers that serve it.
 */

import type { Rate } from "../../core/protocol";

/** Connections that a container keeps count of; of more, the one that was silent for longest is forgotten. */
const REMEMBERED = 10_000;

/** A connection that is refused at this many times its rate is beyond a mistake. */
const FLOOD_FACTOR = 10;

/** `close` is returned once, and again after as many refusals as before. */
export type RateLimitOutcome = "admitted" | "refused" | "close";

interface Counted {
  at: number;
  /** What may be sent at once, now. */
  left: number;
  /** What may be refused at once, now. */
  violationBudget: number;
}

/** One gate for each rate. Keys are connections, or agents. */
export class RateLimiter {
  readonly #counted = new Map<string, Counted>();

  constructor(private readonly rate: Rate) {}

  /** @param now epoch milliseconds by the gateway's clock; what comes late counts as of the last one */
  judge(key: string, now: number): RateLimitOutcome {
    const { perSecond, burst } = this.rate;
    const violationBudget = burst * FLOOD_FACTOR;
    const counted = this.#counted.get(key) ?? { at: now, left: burst, violationBudget };
    // The order of the map is the order of the last messages.
    this.#counted.delete(key);
    this.#counted.set(key, counted);
    if (this.#counted.size > REMEMBERED) this.#forgetOldest();
    const granted = (Math.max(0, now - counted.at) / 1000) * perSecond;
    counted.at = Math.max(now, counted.at);
    counted.left = Math.min(burst, counted.left + granted);
    counted.violationBudget = Math.min(
      violationBudget,
      counted.violationBudget + granted * FLOOD_FACTOR,
    );
    if (counted.left >= 1) {
      counted.left -= 1;
      return "admitted";
    }
    counted.violationBudget -= 1;
    if (counted.violationBudget >= 1) return "refused";
    counted.violationBudget = violationBudget;
    return "close";
  }

  #forgetOldest(): void {
    const [oldest] = this.#counted.keys();
    if (oldest !== undefined) this.#counted.delete(oldest);
  }
}

/**
 * Limits the rate of each connection without reads or writes. Each container of a function counts separately, so a connection
 * gets at most its rate times the number of containers that serve it. It saves the cost of
 * refused messages; `SenderRates` enforces the limit.
 */

import type { Rate } from "../../core/limits";

/** Connections that a container counts. Beyond that, it drops the least recently active one. */
const REMEMBERED = 10_000;

/** A connection that keeps sending at this many times its rate is closed. */
export const FLOOD_FACTOR = 10;

/** `close` is returned once, and again after as many further refusals. */
export type RateLimitOutcome = "admitted" | "refused" | "close";

interface Bucket {
  filledAt: number;
  /** Messages that are accepted at once. */
  tokens: number;
  /** Messages that are refused at once before the connection is closed. */
  violationBudget: number;
}

/** Token buckets of one rate. Keys are connections, or agents. */
export class RateLimiter {
  readonly #buckets = new Map<string, Bucket>();

  constructor(private readonly rate: Rate) {}

  /** @param now epoch milliseconds by the gateway's clock; an earlier time than before counts as the last one */
  check(key: string, now: number): RateLimitOutcome {
    const { perSecond, burst } = this.rate;
    const most = burst * FLOOD_FACTOR;
    const bucket = this.#buckets.get(key) ?? {
      filledAt: now,
      tokens: burst,
      violationBudget: most,
    };
    // Keeps the map in the order of the last messages.
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > REMEMBERED) this.#forgetOldest();
    const granted = (Math.max(0, now - bucket.filledAt) / 1000) * perSecond;
    bucket.filledAt = Math.max(now, bucket.filledAt);
    bucket.tokens = Math.min(burst, bucket.tokens + granted);
    bucket.violationBudget = Math.min(most, bucket.violationBudget + granted * FLOOD_FACTOR);
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return "admitted";
    }
    bucket.violationBudget -= 1;
    if (bucket.violationBudget >= 1) return "refused";
    bucket.violationBudget = most;
    return "close";
  }

  #forgetOldest(): void {
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}

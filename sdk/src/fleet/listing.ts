/**
 * When to list a fleet: at once, when the first lease ends that is known, and again and again: a small fleet every
 * five seconds, so that its heartbeats are seen, a large one every minute, so that it is not only listed.
 */

import type { Runtime } from "../platform/runtime";

/** How old a list gets: a second for each of its pages, within these. */
const AGE_MS = { page: 1_000, least: 5_000, most: 60_000 };
/** Lists begin at least this far apart. */
const MIN_AGE_MS = 1_000;
/** The window of the wait after the first list that failed, and the largest one. */
const RETRY_MS = { base: 2_000, max: 30_000 };
/** From this age on what the last list said may be old. */
const OVERDUE_MS = 90_000;

/** Times are monotonic. */
export class ListingSchedule {
  #startedAt = Number.NEGATIVE_INFINITY;
  /** When the newest list that is complete was begun. */
  #listedAt = Number.NEGATIVE_INFINITY;
  #pauseMs = MIN_AGE_MS;
  #failures = 0;
  #maxAgeMs = AGE_MS.most;
  #sendAtOnce = true;

  constructor(private readonly runtime: Pick<Runtime, "random">) {}

  /** When the map becomes stale. */
  get overdueAt(): number {
    return this.#listedAt + OVERDUE_MS;
  }

  started(now: number): void {
    this.#startedAt = now;
    this.#sendAtOnce = false;
  }

  /** @param pages that the list had */
  completed(pages: number): void {
    this.#maxAgeMs = Math.min(Math.max(pages * AGE_MS.page, AGE_MS.least), AGE_MS.most);
    this.#listedAt = this.#startedAt;
    this.#failures = 0;
    this.#pauseMs = MIN_AGE_MS;
  }

  failed(): void {
    const window = Math.min(RETRY_MS.max, RETRY_MS.base * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 10);
    this.#pauseMs = MIN_AGE_MS + this.runtime.random() * window;
    this.#sendAtOnce = true;
  }

  /** The next one is due as soon as it may be. */
  sendNow(): void {
    this.#sendAtOnce = true;
    this.#pauseMs = MIN_AGE_MS;
  }

  /** @param leaseEnd when the first lease ends */
  dueAt(leaseEnd: number): number {
    const wanted = this.#sendAtOnce ? Number.NEGATIVE_INFINITY : this.#listedAt + this.#maxAgeMs;
    return Math.max(Math.min(wanted, leaseEnd), this.#startedAt + this.#pauseMs);
  }
}

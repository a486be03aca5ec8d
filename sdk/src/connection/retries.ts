/** Plans the next attempt to connect after one has failed, and reports the failure. */

import { inBrowser } from "../platform/in-browser";
import type { Runtime } from "../platform/runtime";
import { Backoff, type RetryHint, type Schedules } from "./backoff";
import { type ConnectionEnd, isRefused } from "./connection";
import type { ConnectionStats } from "./connection-stats";
import { enrolmentRefusalIn, retryAfterMs } from "./failure";
import type { Outbox } from "./outbox";
import { fleetWindowMs } from "./reconnect-window";
import { learnFromDate } from "./server-clock";
import type { Failure } from "./state";

/** All times are by the monotonic clock. */
export class Retries {
  /** When the next attempt is due where there is no connection. */
  nextAt = 0;
  /** Whether the service asked for that delay, or has too much to do. */
  #hasToWait = false;
  readonly #backoff: Backoff;
  readonly #rotationBackoff: Backoff;

  constructor(
    private readonly schedules: Schedules,
    private readonly platform: Pick<Runtime, "monotonic" | "random">,
    private readonly stats: Pick<ConnectionStats, "clock" | "reconnectWindowMs">,
    private readonly outbox: Pick<Outbox, "put">,
  ) {
    this.#backoff = new Backoff(schedules, platform);
    this.#rotationBackoff = new Backoff(schedules, platform);
  }

  /** Failures since the last stable connection. */
  get failures(): number {
    return this.#backoff.failures;
  }

  /** A connection has proved stable, or a rotation is complete. */
  settled(rotation: boolean): void {
    (rotation ? this.#rotationBackoff : this.#backoff).settled();
  }

  /** When the server would have the next attempt. */
  hintAfter(end: ConnectionEnd, openedAt: number | null): RetryHint {
    const { clock, reconnectWindowMs } = this.stats;
    const now = this.platform.monotonic();
    const hint = { fleetWindowMs: fleetWindowMs(end, now - (openedAt ?? now), reconnectWindowMs) };
    if (!isRefused(end)) {
      return inBrowser ? hint : { ...hint, retryAfterMs: enrolmentRefusalIn(end)?.retryAfterMs };
    }
    // A token with a wrong time is refused like any other; the next one carries the server's time.
    if ((end.status === 401 || end.status === 403) && learnFromDate(clock, end.date)) {
      this.outbox.put({ type: "clock_skew", clockSkewMs: clock.skewMs ?? 0 });
      return { atOnce: true };
    }
    return { ...hint, retryAfterMs: retryAfterMs(end, clock.now()) };
  }

  /** The next connection. */
  plan(failure: Failure, hint: RetryHint): void {
    this.nextAt = this.#dueAt(this.#backoff, failure, hint, false);
    const isOverloaded = failure.kind === "throttled" || failure.kind === "unavailable";
    this.#hasToWait = isOverloaded || !!hint.retryAfterMs || !!hint.fleetWindowMs;
  }

  /** @returns when to try the next rotation; it is not urgent, whatever the fleet does */
  rotationAt(failure: Failure, hint: RetryHint): number {
    return this.#dueAt(this.#rotationBackoff, failure, { ...hint, fleetWindowMs: 0 }, true);
  }

  /** No attempt follows. */
  fail(failure: Failure): void {
    this.nextAt = Number.POSITIVE_INFINITY;
    this.#report(failure, this.failures + 1, null, false);
  }

  /**
   * Makes the next attempt sooner, unless the service asked for the delay. The moment is random, so that neither a fleet
   * nor a caller in a loop makes a storm.
   */
  reconnect(now: number): void {
    const soon = now + this.platform.random() * this.schedules.builtIn.network.baseMs;
    if (!this.#hasToWait) this.nextAt = Math.min(this.nextAt, soon);
  }

  #dueAt(backoff: Backoff, failure: Failure, hint: RetryHint, rotation: boolean): number {
    const retryInMs = backoff.next(failure.kind, hint);
    this.#report(failure, backoff.failures, retryInMs, rotation);
    return this.platform.monotonic() + retryInMs;
  }

  #report(failure: Failure, attempts: number, retryInMs: number | null, rotation: boolean): void {
    this.outbox.put({ type: "failed", failedAttempt: { failure, attempts, retryInMs, rotation } });
  }
}

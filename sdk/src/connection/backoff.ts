/** How long to wait before the next attempt to connect: full jitter over a window that grows by cause. */

/** Why there is no connection, as far as it decides when to try again. */
export type FailureKind =
  | "network"
  | "gateway"
  | "throttled"
  | "unavailable"
  | "refused"
  | "conflict"
  | "unresponsive";

/** A window that starts at `baseMs` and doubles with each attempt up to `maxMs`. */
export interface Schedule {
  baseMs: number;
  maxMs: number;
}

/** A schedule for each cause. */
export type Schedules = Record<FailureKind, Schedule>;

/** What the server wishes of the next attempt, in milliseconds. */
export interface RetryHint {
  /** `Retry-After`, which the window comes on top of. @default 0 */
  retryAfterMs?: number;
  /** Over how long the fleet is to come back; 0 for no such wish. @default 0 */
  fleetWindowMs?: number;
}

/**
 * Counts attempts and draws delays. A delay is drawn from the whole window (`random(0, min(max, base x
 * 2^n))`), anew each time, so that a fleet which lost its connections together comes back spread out.
 *
 * The count goes back to zero only by `settled()`, for a connection that has proved stable: a server
 * that accepts and drops connections sees ever fewer of them.
 */
export class Backoff {
  #attempts = 0;

  constructor(
    private readonly schedules: Schedules,
    private readonly random: () => number,
  ) {}

  /** Failures since the last stable connection. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Counts a failure and draws the delay before the next attempt, in milliseconds. */
  next(kind: FailureKind, { retryAfterMs = 0, fleetWindowMs = 0 }: RetryHint = {}): number {
    const exponent = this.#attempts++;
    // A connection that fell silent has cost its whole time-out already, at a moment that is random.
    if (kind === "unresponsive" && exponent === 0) return 0;
    return retryAfterMs + this.random() * this.#window(kind, exponent, fleetWindowMs);
  }

  #window(kind: FailureKind, exponent: number, fleetMs: number): number {
    const { baseMs, maxMs } = this.schedules[kind];
    const doubled = baseMs * 2 ** Math.min(exponent, 30);
    // One failed handshake may be one agent's bad luck: the window grows to the fleet's by doubling.
    if (kind === "unavailable") return Math.min(doubled, Math.max(maxMs, fleetMs));
    // The schedule's first window is a guess for fleets of any size; this fleet's size is known.
    if (exponent === 0 && fleetMs > 0) return fleetMs;
    return Math.max(Math.min(maxMs, doubled), fleetMs);
  }

  /** Starts afresh: the connection has proved stable. */
  settled(): void {
    this.#attempts = 0;
  }
}

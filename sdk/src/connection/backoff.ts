/** How long to wait before the next attempt to connect: full jitter over a window that grows by cause. */

import type { Runtime } from "../platform/runtime";
import { callSafely } from "../user-code";

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

/** How the size of the window is decided. */
export interface Schedules {
  /** The built-in schedule of each cause. */
  builtIn: Readonly<Record<FailureKind, Schedule>>;
  /** Given by the user in place of them. */
  custom?: ReconnectSchedule;
}

/**
 * The window, in seconds, from which the delay before the next attempt is drawn.
 *
 * @param kind why there is no connection
 * @param failures how many attempts have failed since the last stable connection, this one not counted: 0 at first
 * @returns 0 to 3600
 */
export type ReconnectSchedule = (kind: FailureKind, failures: number) => number;

/** What each cause makes of the two delays that can be set: the base and the maximum. */
const FACTORS: Readonly<Record<FailureKind, readonly [number, number]>> = {
  network: [1, 1],
  gateway: [5, 1],
  unavailable: [2, 1],
  throttled: [10, 2],
  refused: [10, 5],
  conflict: [5, 1],
  unresponsive: [1, 1],
};

/** The longest window of all, whatever asks for it. */
export const MAX_WINDOW_SECONDS = 3600;

/**
 * The built-in schedules, all from the same two delays: in windows of `baseMs` to `maxMs` for a connection that
 * broke, and in larger ones for causes that take longer to pass or whose repetition costs the server more.
 */
export function builtInSchedules(baseMs: number, maxMs: number): Schedules["builtIn"] {
  const capMs = MAX_WINDOW_SECONDS * 1000;
  const entries = Object.entries(FACTORS).map(([kind, [base, max]]): [string, Schedule] => {
    const longestMs = Math.min(maxMs * max, capMs);
    return [kind, { baseMs: Math.min(baseMs * base, longestMs), maxMs: longestMs }];
  });
  return Object.fromEntries(entries) as Schedules["builtIn"];
}

/** What the server wishes of the next attempt, in milliseconds. */
export interface RetryHint {
  /** `Retry-After`, which the window comes on top of. @default 0 */
  retryAfterMs?: number | undefined;
  /** Over how long the fleet is to come back; 0 for no such wish. @default 0 */
  fleetWindowMs?: number;
  /** Whether the reason of the failure is gone already. @default false */
  atOnce?: boolean;
}

/**
 * Counts attempts and draws delays. A delay is drawn from the whole window (`random(0, min(max, base x
 * 2^n))`), so that the reconnections of a fleet are spread out.
 *
 * The count goes back to zero only by `settled()`, for a connection that has proved stable: a server
 * that accepts and drops connections sees ever fewer of them.
 */
export class Backoff {
  #attempts = 0;

  constructor(
    private readonly schedules: Schedules,
    private readonly platform: Pick<Runtime, "random">,
  ) {}

  /** Failures since the last stable connection. */
  get failures(): number {
    return this.#attempts;
  }

  /** Counts a failure and draws the delay before the next attempt, in milliseconds. */
  next(
    kind: FailureKind,
    { retryAfterMs = 0, fleetWindowMs = 0, atOnce = false }: RetryHint = {},
  ): number {
    const exponent = this.#attempts++;
    if (atOnce) return 0;
    const customMs = this.#customWindow(kind, exponent);
    const windowMs =
      customMs === undefined
        ? this.#builtInWindow(kind, exponent, fleetWindowMs)
        : Math.max(customMs, fleetWindowMs);
    return retryAfterMs + this.platform.random() * windowMs;
  }

  #builtInWindow(kind: FailureKind, exponent: number, fleetMs: number): number {
    // A connection that fell silent has cost its whole time-out already, at a moment that is random.
    if (kind === "unresponsive" && exponent === 0) return 0;
    const { baseMs, maxMs } = this.schedules.builtIn[kind];
    const doubled = baseMs * 2 ** Math.min(exponent, 30);
    // One failed handshake may be one agent's bad luck: the window grows to the fleet's by doubling.
    if (kind === "unavailable") return Math.min(doubled, Math.max(maxMs, fleetMs));
    // The schedule's first window is a guess for fleets of any size; this fleet's size is known.
    if (exponent === 0 && fleetMs > 0) return fleetMs;
    return Math.max(Math.min(maxMs, doubled), fleetMs);
  }

  /** Undefined where there is none, or what it says is no window: it must not be what ends the reconnecting. */
  #customWindow(kind: FailureKind, exponent: number): number | undefined {
    try {
      const seconds: unknown = this.schedules.custom?.(kind, exponent);
      callSafely(() => seconds);
      const fits = typeof seconds === "number" && seconds >= 0 && seconds <= MAX_WINDOW_SECONDS;
      return fits ? seconds * 1000 : undefined;
    } catch {
      return undefined;
    }
  }

  /** Resets the delays: the connection has proved stable. */
  settled(): void {
    this.#attempts = 0;
  }
}

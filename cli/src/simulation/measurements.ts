/** What a simulation counts. */

import type { Failure } from "@agent-heartbeat/sdk";

/** Times that are kept for percentiles: the newest, for a long run has more than memory. */
const KEPT = 100_000;

/** Percentiles of what was measured, in milliseconds; null where nothing was. */
export interface Percentiles {
  p50: number | null;
  p95: number | null;
  p99: number | null;
  max: number | null;
}

/** Measured times. */
export class Times {
  readonly #kept: number[] = [];
  #next = 0;

  add(ms: number): void {
    this.#kept[this.#next] = ms;
    this.#next = (this.#next + 1) % KEPT;
  }

  /** By the nearest rank. */
  percentiles(): Percentiles {
    const sorted = [...this.#kept].sort((one, other) => one - other);
    const at = (share: number) => {
      const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
      return value === undefined ? null : Math.round(value * 10) / 10;
    };
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
  }
}

/** Counts by the second, for the current rate and the highest one. */
export class Rate {
  total = 0;
  /** The most within one second. */
  peak = 0;
  #second = 0;
  #inSecond = 0;
  #before = 0;

  /** @param now epoch milliseconds */
  add(now: number): void {
    this.#turn(now);
    this.total++;
    this.#inSecond++;
    this.peak = Math.max(this.peak, this.#inSecond);
  }

  /** How many there were in the last whole second. */
  now(now: number): number {
    this.#turn(now);
    return this.#before;
  }

  #turn(now: number): void {
    const second = Math.floor(now / 1000);
    if (second === this.#second) return;
    this.#before = second === this.#second + 1 ? this.#inSecond : 0;
    this.#second = second;
    this.#inSecond = 0;
  }
}

/** Everything that one simulation counts. */
export class Measurements {
  readonly connects = new Rate();
  readonly acks = new Rate();
  readonly roundTrips = new Times();
  /** Connections after the first of each agent. */
  reconnects = 0;
  /** Failed attempts to connect and broken connections, by kind; those of enrolments by `enrolment:<reason>`. */
  readonly failures = new Map<string, number>();
  /** What the newest one of each kind said. */
  readonly #words = new Map<string, string>();
  /** Faults that were made on purpose, by kind. */
  readonly faults = new Map<string, number>();
  /** Looks at the status table. */
  readings = 0;
  /** Agents that were connected before and after a look, and read as offline in it. */
  falseOfflines = 0;
  /** Agents that had been away for longer than their lease, and read as online. */
  falseOnlines = 0;

  failed({ kind, enrolment, message }: Failure): void {
    const name = enrolment === undefined ? kind : `enrolment:${enrolment}`;
    this.count(this.failures, name);
    this.#words.set(name, message);
  }

  /** What the most frequent failure said; null if there was none. */
  get commonFailure(): string | null {
    const [name] = [...this.failures].sort(([, one], [, other]) => other - one)[0] ?? [];
    return (name !== undefined && this.#words.get(name)) || null;
  }

  count(counts: Map<string, number>, kind: string): void {
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
}

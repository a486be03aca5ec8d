/**
 * Connections that are no longer counted on: listened to until the peer has answered their close, but not
 * for ever.
 */

import type { ManagedConnection } from "./managed-connection";

/** What is known of one: closed already, or open for a while yet. */
interface Departure {
  reason: string;
  /** Monotonic: when it is closed; null once it was. */
  closesAt: number | null;
  /** Monotonic: when it is cut off. */
  endsAt: number;
}

export class DrainingConnections {
  readonly #lanes = new Map<ManagedConnection, Departure>();

  /** @param timeoutMs how long the peer may take to answer a close */
  constructor(private readonly timeoutMs: number) {}

  get size(): number {
    return this.#lanes.size;
  }

  /** Monotonic times at which there is something to do. */
  get deadlines(): number[] {
    return [...this.#lanes.values()].map(({ closesAt, endsAt }) => closesAt ?? endsAt);
  }

  /** Closes with code 1000, at once or later. */
  close(lane: ManagedConnection, reason: string, now: number, lingerMs = 0): void {
    if (!lane.connection.isOpen) {
      lane.connection.terminate();
      return;
    }
    const closesAt = now + lingerMs;
    this.#lanes.set(lane, { reason, closesAt, endsAt: closesAt + this.timeoutMs });
    if (lingerMs === 0) this.work(now);
  }

  has(lane: ManagedConnection): boolean {
    return this.#lanes.has(lane);
  }

  /** @returns whether this was one of them */
  ended(lane: ManagedConnection): boolean {
    return this.#lanes.delete(lane);
  }

  /** Closes what has lingered for long enough, and cuts off what has had its time to answer. */
  work(now: number): void {
    for (const [lane, departure] of this.#lanes) {
      const { reason, closesAt, endsAt } = departure;
      if (closesAt !== null && closesAt <= now) {
        departure.closesAt = null;
        lane.connection.close(1000, reason);
      }
      if (endsAt <= now) {
        this.#lanes.delete(lane);
        lane.connection.terminate();
      }
    }
  }

  /** Closes what still lingers. */
  sendNow(now: number): void {
    for (const departure of this.#lanes.values()) {
      if (departure.closesAt === null) continue;
      departure.closesAt = now;
      departure.endsAt = now + this.timeoutMs;
    }
    this.work(now);
  }

  /** Cuts all of them off. */
  cutOff(): void {
    this.work(Number.POSITIVE_INFINITY);
  }
}

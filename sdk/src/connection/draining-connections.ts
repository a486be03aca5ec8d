/**
 * Connections that are no longer used: they are read until the peer has answered their close, but not
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
  readonly #connections = new Map<ManagedConnection, Departure>();

  /** @param timeoutMs how long the peer may take to answer a close */
  constructor(private readonly timeoutMs: number) {}

  get size(): number {
    return this.#connections.size;
  }

  /** Monotonic times at which there is something to do. */
  get deadlines(): number[] {
    return [...this.#connections.values()].map(({ closesAt, endsAt }) => closesAt ?? endsAt);
  }

  /** Closes with code 1000, at once or later. */
  close(managed: ManagedConnection, reason: string, now: number, lingerMs = 0): void {
    if (!managed.connection.isOpen) {
      managed.connection.terminate();
      return;
    }
    const closesAt = now + lingerMs;
    this.#connections.set(managed, { reason, closesAt, endsAt: closesAt + this.timeoutMs });
    if (lingerMs === 0) this.work(now);
  }

  has(managed: ManagedConnection): boolean {
    return this.#connections.has(managed);
  }

  /** @returns whether this was one of them */
  ended(managed: ManagedConnection): boolean {
    return this.#connections.delete(managed);
  }

  /** Closes what has lingered for long enough, and cuts off what has had its time to answer. */
  work(now: number): void {
    for (const [managed, departure] of this.#connections) {
      const { reason, closesAt, endsAt } = departure;
      if (closesAt !== null && closesAt <= now) {
        departure.closesAt = null;
        managed.connection.close(1000, reason);
      }
      if (endsAt <= now) {
        this.#connections.delete(managed);
        managed.connection.terminate();
      }
    }
  }

  /** Closes what still lingers. */
  sendNow(now: number): void {
    for (const departure of this.#connections.values()) {
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

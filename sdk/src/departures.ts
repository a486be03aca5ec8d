/** Connections that were told to close: listened to until the peer has answered, but not for ever. */

import type { Lane } from "./lane";

export class Departures {
  readonly #lanes = new Map<Lane, number>();

  /** @param patienceMs how long the peer may take to answer */
  constructor(private readonly patienceMs: number) {}

  get size(): number {
    return this.#lanes.size;
  }

  /** Monotonic times at which connections are given up. */
  get deadlines(): Iterable<number> {
    return this.#lanes.values();
  }

  /** Closes with code 1000. */
  close(lane: Lane, reason: string, now: number): void {
    if (lane.connection.isOpen) this.#lanes.set(lane, now + this.patienceMs);
    lane.connection.close(1000, reason);
  }

  has(lane: Lane): boolean {
    return this.#lanes.has(lane);
  }

  /** @returns whether this was one of them */
  ended(lane: Lane): boolean {
    return this.#lanes.delete(lane);
  }

  /** Cuts off those that have had their time; without `now`, all. */
  cutOff(now = Number.POSITIVE_INFINITY): void {
    for (const [lane, deadline] of this.#lanes) {
      if (deadline > now) continue;
      this.#lanes.delete(lane);
      lane.connection.terminate();
    }
  }
}

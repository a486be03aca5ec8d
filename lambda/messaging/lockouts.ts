/**
 * Keeps messages from subscribers that were locked out. A lock-out removes the subscriptions of an agent at once. The
 * connections of a viewer are in no row, so its lock-out is read here, at most every 30 seconds per viewer and container.
 */

import type { Guard, Sender } from "../lease/guard";
import type { Log } from "../shared/log";
import type { Subscriber } from "./subscriptions";

/** A lock-out is noticed this late at most. */
const KEPT_MS = 30_000;

/** Viewers that a container remembers. */
const REMEMBERED = 10_000;

export class Lockouts {
  readonly #known = new Map<string, { admitted: Promise<boolean>; readAt: number }>();

  constructor(
    private readonly guard: Guard,
    private readonly log: Log,
  ) {}

  /**
   * Whether a subscriber may get messages. Never rejects: what can't be read locks nobody out.
   *
   * @param now epoch milliseconds
   */
  admits(subscriber: Subscriber, now: number): Promise<boolean> {
    if (subscriber.role === "agent") return Promise.resolve(true);
    const { organizationId, agentId, fencingToken, keyTag } = subscriber;
    const key = [organizationId, agentId, fencingToken, keyTag].join("#");
    const known = this.#known.get(key);
    if (known && now - known.readAt < KEPT_MS) return known.admitted;
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    const admitted = this.#read(subscriber);
    this.#known.set(key, { admitted, readAt: now });
    return admitted;
  }

  async #read(sender: Sender): Promise<boolean> {
    try {
      return (await this.guard.judge(sender)).standing === "holds";
    } catch (error) {
      this.log.warn({ event: "lock_out_unread", error: String(error) });
      return true;
    }
  }
}

/** The reconnect window for the current size of the fleet, as counted by the sweep and read at most once a minute. */

import type { FleetCountStore } from "../shared/fleet-size";
import type { Log } from "../shared/log";
import { reconnectWindowMs } from "./reconnect-window";

const CACHE_MS = 60_000;

export interface ReconnectAdviceOptions {
  fleet: Pick<FleetCountStore, "get">;
  /** New connections per second that the account's quota allows. */
  connectsPerSecond: number;
  /** The longest window; 0 turns windows off. */
  maxWindowMs: number;
  log: Log;
}

export class ReconnectAdvice {
  #windowMs = Promise.resolve(0);
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: ReconnectAdviceOptions) {}

  /**
   * The window in milliseconds; 0 for none. Never rejects, because a login does not depend on it.
   *
   * @param now epoch milliseconds
   */
  windowMs(now: number): Promise<number> {
    if (this.options.maxWindowMs > 0 && now - this.#readAt >= CACHE_MS) {
      this.#readAt = now;
      this.#windowMs = this.#read(this.#windowMs);
    }
    return this.#windowMs;
  }

  async #read(last: Promise<number>): Promise<number> {
    const { fleet, connectsPerSecond, maxWindowMs, log } = this.options;
    try {
      const count = await fleet.get();
      return Math.min(reconnectWindowMs(count?.peak ?? 0, connectsPerSecond), maxWindowMs);
    } catch (error) {
      log.warn({ event: "fleet_count_unread", error: String(error) });
      return last;
    }
  }
}

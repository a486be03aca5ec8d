/** One connection on its way from first handshake to close, with its heartbeat and its times. */

import type { Activity } from "../../../core/presence";
import type { ClientMessage } from "../../../core/protocol";
import { Connection, type ConnectionListener, type ConnectionOptions } from "./connection";
import type { Heartbeat } from "./heartbeat";
import { Subscriptions } from "./subscriptions";

/** A heartbeat is left out while more than this waits in the socket: it would be stale on arrival. */
const MAX_BUFFERED_BYTES = 128 * 1024;

export class ManagedConnection {
  readonly connection: Connection;
  readonly subscribing: Subscriptions;
  beating: Heartbeat | null = null;
  #openedAt: number | null = null;

  /**
   * All times are by the monotonic clock.
   *
   * @param rotateAt when this connection is to be replaced
   * @param answerTimeoutMs how long a subscription may go unanswered
   */
  constructor(
    options: ConnectionOptions,
    listener: ConnectionListener,
    private readonly begunAt: number,
    public rotateAt: number,
    random: () => number,
    answerTimeoutMs: number,
  ) {
    this.connection = new Connection(options, listener);
    const send = (message: ClientMessage) => void this.connection.send(message);
    this.subscribing = new Subscriptions(send, random, answerTimeoutMs);
  }

  get openedAt(): number | null {
    return this.#openedAt;
  }

  opened(now: number, heartbeat: Heartbeat | null): void {
    this.#openedAt = now;
    this.beating = heartbeat;
  }

  /** Nothing comes on it any more. */
  get hasEnded(): boolean {
    return this.connection.hasEnded;
  }

  /** What it still waits for before it can be moved to; null if nothing. */
  get awaited(): "handshake" | "ack" | "answer to its subscriptions" | null {
    if (this.#openedAt === null) return "handshake";
    if (!this.beating?.isAcked) return "ack";
    return this.subscribing.complete ? null : "answer to its subscriptions";
  }

  /** Whether it brings the messages that are wanted. */
  get isReady(): boolean {
    return this.connection.isOpen && this.subscribing.complete;
  }

  /** When that has taken too long. */
  awaitedUntil(timeoutMs: number): number {
    return (this.#openedAt ?? this.begunAt) + timeoutMs;
  }

  /** From when on it counts as stable: open for long enough, and acknowledged. */
  stableAt(afterMs: number): number {
    if (this.#openedAt === null || this.beating?.isAcked === false) return Number.POSITIVE_INFINITY;
    return this.#openedAt + afterMs;
  }

  /** Sends what is due of subscriptions. */
  subscribe(now: number): void {
    if (this.connection.isOpen) this.subscribing.work(now);
  }

  /** Sends a heartbeat if one is due. */
  beat(now: number, activity: () => Activity): void {
    const { beating: heartbeat, connection } = this;
    if (!heartbeat || !connection.isOpen || heartbeat.nextAt > now) return;
    if (connection.bufferedAmount > MAX_BUFFERED_BYTES) {
      heartbeat.skipped(now);
      return;
    }
    const ask = heartbeat.sent(now);
    connection.send({ type: ask ? "heartbeat" : "heartbeat_quiet", activity: activity() });
  }
}

/** One connection on its way from first handshake to close, with its heartbeat and its times. */

import type { Activity } from "../../../core/presence";
import type { ClientMessage } from "../../../core/protocol";
import type { Runtime } from "../platform/runtime";
import { Connection, type ConnectionListener } from "./connection";
import { Heartbeat } from "./heartbeat";
import type { ManagerOptions } from "./manager-options";
import { Subscriptions } from "./subscriptions";

/** A heartbeat is left out while more than this waits in the socket: it would be stale on arrival. */
const MAX_BUFFERED_BYTES = 128 * 1024;

/** All times are by the monotonic clock. */
export class ManagedConnection {
  readonly connection: Connection;
  readonly subscribing: Subscriptions;
  heartbeat: Heartbeat | null = null;
  openedAt: number | null = null;
  /** When this connection is to be replaced. */
  rotateAt: number;

  constructor(
    private readonly options: ManagerOptions,
    private readonly platform: Runtime,
    mintToken: () => Promise<string>,
    listenTo: (connection: ManagedConnection) => ConnectionListener,
    private readonly begunAt: number,
  ) {
    const { url, rotateAfterMs, connectTimeoutMs } = options;
    const { min, max } = rotateAfterMs;
    const { openSocket } = platform;
    this.rotateAt = begunAt + min + platform.random() * (max - min);
    this.connection = new Connection({ url, openSocket, mintToken }, listenTo(this));
    const send = (message: ClientMessage) => void this.connection.send(message);
    this.subscribing = new Subscriptions(send, platform, connectTimeoutMs);
  }

  /** Begins its heartbeat. */
  opened(now: number): void {
    const terms = this.options.heartbeat;
    this.openedAt = now;
    this.heartbeat = terms && new Heartbeat(terms, this.platform, now);
  }

  /** Whether it has ended: nothing is received any more. */
  get hasEnded(): boolean {
    return this.connection.hasEnded;
  }

  /** What it still waits for before it can be moved to; null if nothing. */
  get awaited(): "handshake" | "ack" | "answer to its subscriptions" | null {
    if (this.openedAt === null) return "handshake";
    if (!this.heartbeat?.isAcked) return "ack";
    return this.subscribing.complete ? null : "answer to its subscriptions";
  }

  /** Whether it brings the messages that are wanted. */
  get isReady(): boolean {
    return this.connection.isOpen && this.subscribing.complete;
  }

  /** When that has taken too long. */
  get awaitedUntil(): number {
    return (this.openedAt ?? this.begunAt) + this.options.connectTimeoutMs;
  }

  /** From when on it counts as stable: open for long enough, and acknowledged. */
  get stableAt(): number {
    if (this.openedAt === null || this.heartbeat?.isAcked === false)
      return Number.POSITIVE_INFINITY;
    return this.openedAt + this.options.stableAfterMs;
  }

  /** Sends what is due of subscriptions. */
  subscribe(now: number): void {
    if (this.connection.isOpen) this.subscribing.work(now);
  }

  /** Sends a heartbeat if one is due. */
  sendHeartbeat(now: number, activity: () => Activity): void {
    const { heartbeat, connection } = this;
    if (!heartbeat || !connection.isOpen || heartbeat.nextAt > now) return;
    if (connection.bufferedAmount > MAX_BUFFERED_BYTES) {
      heartbeat.skipped(now);
      return;
    }
    const ask = heartbeat.sent(now);
    connection.send({ type: ask ? "heartbeat" : "heartbeat_quiet", activity: activity() });
  }
}

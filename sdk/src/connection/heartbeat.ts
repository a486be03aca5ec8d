/** The heartbeat of one connection: when the next is due, whether it wants an ack, when silence is death. */

import { HEARTBEAT } from "../../../core/limits";
import type { Runtime } from "../platform/runtime";

/** The server's wish for another interval is followed from here to the longest one. */
const MIN_INTERVAL_MS = 1000;

/** A connection on which everything is refused is replaced after so many time-outs, in case it is the reason itself. */
const REFUSED_TIMEOUTS = 10;

/** How often to send heartbeats and how long to wait for acks. */
export interface HeartbeatTerms {
  intervalMs: number;
  /** Lease over interval. */
  timeoutMultiplier: number;
  /** An ack is asked for with every n-th heartbeat. */
  ackEvery: number;
}

/** Sends nothing itself: the connection manager asks what is due, and reports what it sent and received. */
export class Heartbeat {
  #intervalMs: number;
  #nextAt: number;
  #sent = 0;
  #lastAckAt: number;
  #lastRefusalAt = 0;
  #acked = false;
  #probeUntil: number | null = null;
  /** Sending times of the acks that are outstanding; a round trip is measured only if there is one. */
  #askedAt: number[] = [];

  /**
   * @param now monotonic milliseconds at which the connection opened; the first heartbeat is due then
   */
  constructor(
    private readonly terms: HeartbeatTerms,
    private readonly platform: Pick<Runtime, "random">,
    now: number,
  ) {
    this.#intervalMs = terms.intervalMs;
    this.#nextAt = now;
    this.#lastAckAt = now;
  }

  /** Monotonic milliseconds at which the next heartbeat is due. */
  get nextAt(): number {
    return this.#nextAt;
  }

  /** Whether any ack has come. */
  get isAcked(): boolean {
    return this.#acked;
  }

  /** Whether heartbeats were refused since the last ack. */
  get isRefused(): boolean {
    return this.#lastRefusalAt > this.#lastAckAt;
  }

  get intervalMs(): number {
    return this.#intervalMs;
  }

  /** How long the connection may be without an ack, in milliseconds. */
  get ackTimeoutMs(): number {
    const skipped = (this.terms.ackEvery - 1) * this.#intervalMs;
    return skipped + this.#intervalMs * this.terms.timeoutMultiplier;
  }

  /** Monotonic milliseconds at which the connection counts as dead without a further ack. */
  get lostAt(): number {
    if (this.#probeUntil !== null) return this.#probeUntil;
    const longest = this.#lastAckAt + REFUSED_TIMEOUTS * this.ackTimeoutMs;
    return Math.min(longest, Math.max(this.#lastAckAt, this.#lastRefusalAt) + this.ackTimeoutMs);
  }

  /**
   * Takes an answer that refuses: the service is overloaded or broken, but the connection carries both ways. Another one
   * would cost the service a login more, and be refused as well.
   */
  noteRefusal(now: number): void {
    this.#lastRefusalAt = now;
    this.#probeUntil = null;
  }

  /**
   * Counts a heartbeat as sent and plans the next one: the second at a random moment of the first
   * interval, so that agents which connected together do not send heartbeats together.
   *
   * @returns whether it has to ask for an ack
   */
  sent(now: number): boolean {
    const phase = this.#sent === 0 ? this.platform.random() : 1;
    const planned = this.#nextAt + this.#intervalMs * phase;
    this.#nextAt = planned > now ? planned : now + this.#intervalMs;
    const ask = this.#probeUntil !== null || this.#sent % this.terms.ackEvery === 0;
    this.#sent += 1;
    if (ask) this.#askedAt.push(now);
    return ask;
  }

  /** Leaves a heartbeat out: the socket has not sent what it was given before. */
  skipped(now: number): void {
    this.#nextAt = now + this.#intervalMs;
  }

  /** Makes a heartbeat due now. */
  sendNow(now: number): void {
    this.#nextAt = Math.min(this.#nextAt, now);
  }

  /** After a doubtful pause: a heartbeat is due now, and its ack within `withinMs`. */
  probe(now: number, withinMs: number): void {
    this.sendNow(now);
    this.#probeUntil = now + Math.min(withinMs, this.ackTimeoutMs);
  }

  /**
   * Takes an ack.
   *
   * @param advisedMs the interval that the server wants; null for the agent's own
   * @returns the round trip in milliseconds, or null where several acks are outstanding
   */
  noteAck(now: number, advisedMs: number | null): number | null {
    const askedAt = this.#askedAt.length === 1 ? this.#askedAt[0] : undefined;
    this.#askedAt = [];
    this.#lastAckAt = now;
    this.#acked = true;
    this.#probeUntil = null;
    this.#intervalMs =
      advisedMs === null
        ? this.terms.intervalMs
        : Math.min(Math.max(advisedMs, MIN_INTERVAL_MS), HEARTBEAT.maxIntervalSeconds * 1000);
    this.#nextAt = Math.min(this.#nextAt, now + this.#intervalMs);
    return askedAt === undefined ? null : now - askedAt;
  }
}

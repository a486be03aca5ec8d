/** The connections of an agent: the one that counts, the one that is to follow it, and those that drain. */

import type { Activity } from "../../../core/presence";
import type { Runtime } from "../platform/runtime";
import type { ConnectionListener } from "./connection";
import { DrainingConnections } from "./draining-connections";
import { ManagedConnection } from "./managed-connection";
import type { ManagerOptions } from "./manager-options";
import { RotationBuffer } from "./rotation-buffer";

/**
 * The longest timer while connected. Timers stand still while the machine sleeps, so that a long one
 * would fire long after it woke.
 */
const PAUSE_CHECK_MS = 10_000;

/**
 * How long the old connection of a rotation stays open once the new one brings messages too: a message
 * that was addressed just before reaches the old one alone.
 */
const LINGER_MS = 5_000;

/** All times are by the monotonic clock. */
export class ConnectionSet {
  /** The connection that counts. */
  primary: ManagedConnection | null = null;
  /** The one that is to become primary: a first connection, a next one, or a rotation's. */
  candidate: ManagedConnection | null = null;
  readonly leaving: DrainingConnections;
  readonly buffer = new RotationBuffer();
  #patterns: readonly string[] = [];

  constructor(
    private readonly options: ManagerOptions,
    private readonly platform: Runtime,
    private readonly mintToken: () => Promise<string>,
    private readonly listenTo: (connection: ManagedConnection) => ConnectionListener,
  ) {
    this.leaving = new DrainingConnections(options.closeTimeoutMs);
  }

  get #wanted(): ManagedConnection[] {
    return [this.primary, this.candidate].filter((connection) => connection !== null);
  }

  /**
   * When to begin the next connection. One rotation after the other: messages can be put in order from two connections, not
   * from three. A service that refuses heartbeats is not given a second connection to serve.
   */
  #beginAt(nextAt: number): number {
    const { primary, candidate, leaving } = this;
    if (!primary && !candidate) return nextAt;
    const mayRotate =
      primary?.heartbeat && !primary.heartbeat.isRefused && !candidate && !leaving.size;
    return mayRotate ? primary.rotateAt : Number.POSITIVE_INFINITY;
  }

  /** The patterns to be subscribed to from now on, on every connection. */
  want(patterns: readonly string[]): void {
    this.#patterns = patterns;
    for (const connection of this.#wanted) connection.subscribing.want(patterns);
  }

  /**
   * Begins a connection if one is due, and sends what is due.
   *
   * @param nextAt when to begin one where there is none
   */
  work(now: number, nextAt: number, activity: () => Activity): void {
    if (this.#beginAt(nextAt) <= now) {
      const { options, platform, mintToken, listenTo } = this;
      this.candidate = new ManagedConnection(options, platform, mintToken, listenTo, now);
      this.candidate.subscribing.want(this.#patterns);
    }
    for (const connection of this.#wanted) {
      connection.sendHeartbeat(now, activity);
      connection.subscribe(now);
    }
  }

  /** Makes a connection the one that counts, and closes the one that it replaces, if there is one. */
  promote(connection: ManagedConnection, now: number): void {
    if (this.primary) this.leaving.close(this.primary, "rotated", now, LINGER_MS);
    this.primary = connection;
    this.candidate = null;
  }

  /**
   * Takes out a connection, or an attempt at one, that is over.
   *
   * @returns the primary one if there is one still
   */
  lost(connection: ManagedConnection): ManagedConnection | null {
    connection.connection.terminate();
    if (connection === this.candidate) this.candidate = null;
    if (connection === this.primary || !this.primary) {
      this.primary = null;
      this.leaving.cutOff();
    }
    return this.primary;
  }

  dropCandidate(): void {
    this.candidate?.connection.terminate();
    this.candidate = null;
  }

  /** Closes all, and leaves them time to answer. */
  close(reason: string, now: number): void {
    this.dropCandidate();
    if (this.primary) this.leaving.close(this.primary, reason, now);
    this.primary = null;
    this.leaving.sendNow(now);
  }

  /** Cuts all of them off. */
  cutOff(): void {
    this.primary?.connection.terminate();
    this.primary = null;
    this.dropCandidate();
    this.leaving.cutOff();
  }

  /** Times at which there is something to do for the primary connection and the candidate. */
  *deadlines(now: number, nextAt: number): Generator<number> {
    for (const connection of this.#wanted) {
      if (connection.heartbeat) yield connection.heartbeat.nextAt;
      if (connection.connection.isOpen) yield connection.subscribing.nextAt;
    }
    const { primary, candidate } = this;
    yield this.#beginAt(nextAt);
    if (candidate) yield candidate.awaitedUntil;
    if (primary?.heartbeat) {
      yield primary.heartbeat.lostAt;
      yield now + PAUSE_CHECK_MS;
    }
  }
}

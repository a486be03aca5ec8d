/**
 * Keeps an agent connected: one state machine, and one reconcile loop that every event wakes. It
 * inspects the state, runs whatever is due, and sets one timer for what is due next.
 */

import type { Activity } from "../../../core/presence";
import type { ClientMessage, HeartbeatAckMessage } from "../../../core/protocol";
import type { ReceivedMessage } from "../../../core/server-messages";
import { inBrowser } from "../platform/in-browser";
import type { Runtime } from "../platform/runtime";
import type { RetryHint } from "./backoff";
import { ConnectionSet } from "./connection-set";
import { ConnectionStats } from "./connection-stats";
import { failureOf, REVOKED } from "./failure";
import type { ManagerHealth } from "./health";
import type { ManagedConnection } from "./managed-connection";
import type { ManagerOptions } from "./manager-options";
import type { ManagerEvent, ManagerPort, StopCause } from "./manager-port";
import { Outbox } from "./outbox";
import { pauseOf } from "./pause";
import { Retries } from "./retries";
import { type AgentState, type Failure, isFinal, type StateReason } from "./state";
import { signLoginToken } from "./token";
import { WakeTimer } from "./wake-timer";

export class ConnectionManager implements ManagerPort {
  #state: AgentState = "idle";
  #stopCause: StopCause | null = null;
  /** A newer process has the agent: answers still go out, nothing else does, and no connection follows. */
  #superseded = false;
  readonly #connections: ConnectionSet;
  readonly #outbox: Outbox;
  readonly #wakeTimer: WakeTimer;
  readonly #stats: ConnectionStats;
  readonly #retries: Retries;

  constructor(
    private readonly options: ManagerOptions,
    private readonly platform: Runtime,
    emit: (event: ManagerEvent) => void,
  ) {
    this.#outbox = new Outbox(emit);
    this.#wakeTimer = new WakeTimer(platform, () => this.wake());
    this.#stats = new ConnectionStats(platform);
    this.#retries = new Retries(options.schedules, platform, this.#stats, this.#outbox);
    this.#connections = new ConnectionSet(
      options,
      platform,
      () => this.#mintToken(),
      (connection) => ({
        opened: () => this.#onOpened(connection),
        received: (message) => this.#onReceived(connection, message),
        ended: (end) => {
          if (!this.#connections.leaving.ended(connection)) {
            const hint = this.#retries.hintAfter(end, connection.openedAt);
            this.#lose(connection, failureOf(end), "connection_lost", hint);
          }
          this.wake();
        },
      }),
    );
  }

  start(): void {
    if (this.#state !== "idle") return;
    this.#enter("connecting", "started");
    this.wake();
  }

  drain(): void {
    if (this.#state === "draining" || isFinal(this.#state)) return;
    this.#enter("draining", "drain");
    this.#connections.primary?.heartbeat?.sendNow(this.platform.monotonic());
    this.wake();
  }

  stop(cause: StopCause): void {
    if (this.#stopCause || isFinal(this.#state)) return;
    this.#stopCause = cause;
    if (this.#state === "idle") this.#end(cause);
    const reason = this.#superseded ? "superseded" : cause === "drained" ? "drained" : "stopped";
    this.#connections.close(reason, this.platform.monotonic());
    this.wake();
  }

  reconnect(): void {
    const now = this.platform.monotonic();
    this.#connections.primary?.heartbeat?.probe(now, this.options.connectTimeoutMs);
    this.#retries.reconnect(now);
    this.wake();
  }

  send(message: ClientMessage): void {
    if (!this.#connections.primary?.connection.send(message)) {
      this.#outbox.put({ type: "unsent", message });
    }
    this.#flush();
  }

  setSubscriptions(patterns: readonly string[]): void {
    this.#connections.want(patterns);
    if (this.#connections.primary) this.wake();
  }

  setActivity(activity: Activity): void {
    this.#stats.activity = activity;
  }

  health(): ManagerHealth {
    const { primary } = this.#connections;
    return this.#stats.health(this.#state, primary, this.options.heartbeat, this.#retries.failures);
  }

  /** Does what is due. Timers do so, and whoever knows that they are late. */
  wake(): void {
    if (this.#state !== "idle" && !isFinal(this.#state)) this.#reconcile();
    this.#flush();
  }

  #reconcile(): void {
    const now = this.platform.monotonic();
    const connections = this.#connections;
    connections.leaving.work(now);
    if (this.#stopCause) {
      if (connections.leaving.size === 0) this.#end(this.#stopCause);
    } else if (!this.#superseded) {
      this.#noticePause(now);
      this.#giveUpSilent(now);
      connections.work(now, this.#retries.nextAt, () => this.#stats.activityNow());
      if (this.#stableAt <= now) this.#retries.settled(false);
    }
    const dueAt = Math.min(...this.#deadlines(now));
    if (isFinal(this.#state) || dueAt === Number.POSITIVE_INFINITY) this.#wakeTimer.clear();
    else this.#wakeTimer.set(dueAt);
  }

  #noticePause(now: number): void {
    const lateness = this.#wakeTimer.lateness();
    if (!lateness) return;
    if (lateness[0] >= 0) this.#stats.lagMs = Math.round(lateness[0]);
    const { primary } = this.#connections;
    if (!primary?.heartbeat) return;
    const pause = pauseOf(lateness, primary.heartbeat);
    if (!pause) return;
    if (pause === "doubtful") primary.heartbeat.probe(now, this.options.connectTimeoutMs);
    else {
      this.#connections.dropCandidate();
      this.#lose(primary, ...pause);
    }
  }

  #giveUpSilent(now: number): void {
    const { primary, candidate } = this.#connections;
    if (candidate && candidate.awaitedUntil <= now) {
      const message = `no ${candidate.awaited} within ${this.options.connectTimeoutMs / 1000} s`;
      this.#lose(candidate, { kind: "network", message }, "unresponsive");
    }
    if (primary?.heartbeat && primary.heartbeat.lostAt <= now) {
      const message = `no ack within ${primary.heartbeat.ackTimeoutMs / 1000} s`;
      this.#lose(primary, { kind: "unresponsive", message }, "unresponsive");
    }
  }

  async #mintToken(): Promise<string> {
    const { login, loadKey } = this.options;
    const key = await loadKey();
    const rotation = this.#connections.primary?.connection.isOpen ?? false;
    // Where neither a clock nor the server tells a step of the wall clock from a sleep, attempts take turns.
    const byWall = !this.platform.boottime && this.#retries.failures % 2 > 0;
    return signLoginToken({ ...login, rotation }, key, this.#stats.clock.now(byWall));
  }

  #onOpened(connection: ManagedConnection): void {
    const { primary, buffer } = this.#connections;
    connection.opened(this.platform.monotonic());
    // In a rotation the old connection stays until the new one has proved itself.
    if (primary) buffer.begin(primary, connection);
    else this.#promote(connection);
    this.wake();
  }

  #onReceived(connection: ManagedConnection, message: ReceivedMessage): void {
    const now = this.platform.monotonic();
    const leaving = this.#connections.leaving.has(connection);
    // One with an id answers another message than a heartbeat.
    const refuses = message.type === "error" && message.id === undefined;
    if (refuses) connection.heartbeat?.noteRefusal(now);
    if (message.type === "heartbeat_ack") {
      if (!leaving && !this.#superseded) this.#onAck(connection, message);
    } else if (message.type === "superseded") {
      // Whatever was asked with this id is not going to be done.
      if (message.id !== undefined) this.#deliver(message);
      this.#onSuperseded();
      this.wake();
    } else if (message.type === "error" && message.code === "revoked") {
      this.#deliver(message);
      if (!leaving) this.#lose(connection, REVOKED, "revoked");
      this.wake();
    } else if (connection.subscribing.answered(message, now)) {
      if (message.type === "error") this.#deliver(message);
      this.#promoteProved(connection);
      if (connection === this.#connections.primary) this.#reportReady(connection);
      this.wake();
    } else {
      if (message.type !== "message" || this.#connections.buffer.admits(connection, message)) {
        this.#deliver(message);
      }
      this.#flush();
    }
  }

  /**
   * Lets what is being handled be answered on the present connection, as long as the server lets it. During a
   * rotation, the connection that is about to be closed may be the only one that is notified.
   */
  #onSuperseded(): void {
    if (this.#superseded || this.#stopCause) return;
    this.#superseded = true;
    this.#connections.dropCandidate();
    if (this.#state !== "draining") this.#enter("draining", "superseded");
  }

  #onAck(connection: ManagedConnection, ack: HeartbeatAckMessage): void {
    const roundTripMs = this.#stats.noteAck(connection.heartbeat, ack);
    this.#promoteProved(connection);
    const renewal = inBrowser
      ? { roundTripMs }
      : { roundTripMs, fencingToken: ack.fencingToken ?? ack.serverTime };
    this.#outbox.put({ type: "acked", ack: renewal });
    this.wake();
  }

  /** Completes a rotation as soon as the new connection does all that the old one does. */
  #promoteProved(connection: ManagedConnection): void {
    const { primary, candidate } = this.#connections;
    if (!primary || connection !== candidate || connection.awaited) return;
    this.#connections.promote(connection, this.platform.monotonic());
    this.#retries.settled(true);
    this.#outbox.put({ type: "rotated" });
  }

  /** Makes a connection the one that counts, where there is none. */
  #promote(connection: ManagedConnection): void {
    this.#connections.promote(connection, this.platform.monotonic());
    if (this.#state === "connecting" || this.#state === "reconnecting") {
      this.#enter("connected", "opened");
    }
    this.#reportReady(connection);
  }

  #reportReady(connection: ManagedConnection): void {
    if (connection.isReady) this.#outbox.put({ type: "ready" });
  }

  /** A connection, or an attempt at one, is over. Plans what comes next. */
  #lose(
    connection: ManagedConnection,
    failure: Failure,
    reason: StateReason,
    hint: RetryHint = {},
  ): void {
    const primary = this.#connections.lost(connection);
    if (primary) {
      primary.rotateAt = this.#retries.rotationAt(failure, hint);
      return;
    }
    this.#stats.lost(failure);
    this.#outbox.put({ type: "broken" });
    if (this.#superseded) {
      this.#end("superseded");
      return;
    }
    const { candidate } = this.#connections;
    // A rotation was under way: its connection is the next one already.
    if (candidate?.connection.isOpen) {
      this.#promote(candidate);
      return;
    }
    if (!this.options.autoReconnect) {
      this.#retries.fail(failure);
      this.#end("failed", failure);
      return;
    }
    if (this.#state === "connected") this.#enter("reconnecting", reason, failure);
    if (!candidate) this.#retries.plan(failure, hint);
  }

  get #stableAt(): number {
    return this.#connections.primary?.stableAt ?? Number.POSITIVE_INFINITY;
  }

  /** Ends for good, without waiting for anything. */
  #end(reason: StateReason, failure?: Failure): void {
    this.#connections.cutOff();
    this.#wakeTimer.clear();
    if (this.#superseded) this.#enter("superseded", "superseded");
    else this.#enter("stopped", reason, failure);
  }

  #enter(state: AgentState, reason: StateReason, failure?: Failure): void {
    const previous = this.#state;
    this.#state = state;
    const at = this.platform.now();
    const change = { state, previous, reason, at, ...(failure && { failure }) };
    this.#outbox.put({ type: "state", change });
  }

  *#deadlines(now: number): Generator<number> {
    yield* this.#connections.leaving.deadlines;
    // Whoever drains has a time limit, and the server closes the connection in the end.
    if (this.#superseded || this.#stopCause) return;
    yield* this.#connections.deadlines(now, this.#retries.nextAt);
    if (this.#retries.failures > 0) yield this.#stableAt;
  }

  #deliver(message: ReceivedMessage): void {
    this.#outbox.put({ type: "message", message });
  }

  #flush(): void {
    for (const message of this.#connections.buffer.release()) this.#deliver(message);
    this.#outbox.release();
  }
}

/**
 * Keeps an agent connected: one state machine, and one reconcile loop that every event wakes. It
 * inspects the state, runs whatever is due, and sets one timer for what is due next.
 */

import type { Activity } from "../../../core/presence";
import type { ClientMessage, HeartbeatAckMessage } from "../../../core/protocol";
import type { ReceivedMessage } from "../../../core/server-messages";
import { hint } from "../hint";
import { inBrowser } from "../platform/in-browser";
import type { Runtime } from "../platform/runtime";
import { Backoff, type RetryHint } from "./backoff";
import { type ConnectionEnd, isRefused } from "./connection";
import { ConnectionStats } from "./connection-stats";
import { DrainingConnections } from "./draining-connections";
import { enrolmentRefusalIn, failureOf, REVOKED, retryAfterMs } from "./failure";
import type { ManagerHealth } from "./health";
import { Heartbeat } from "./heartbeat";
import { ManagedConnection } from "./managed-connection";
import type { ManagerOptions } from "./manager-options";
import type { ManagerEvent, ManagerPort, StopCause } from "./manager-port";
import { fleetWindowMs } from "./reconnect-window";
import { RotationBuffer } from "./rotation-buffer";
import { learnFromDate } from "./server-clock";
import { type AgentState, type Failure, isFinal, type StateReason } from "./state";
import { signLoginToken } from "./token";
import { WakeTimer } from "./wake-timer";

/**
 * The longest timer while connected. Timers stand still while the machine sleeps, so that a long one
 * would fire long after it woke.
 */
const PAUSE_CHECK_MS = 10_000;

/**
 * A shorter pause need not have broken the connection, even if its lease has run out: platforms slow timers down to one a
 * minute where nobody looks.
 */
const BROKEN_AFTER_MS = 120_000;

/**
 * How long the old connection of a rotation stays open once the new one brings messages too: a message
 * that was addressed just before reaches the old one alone.
 */
const LINGER_MS = 5_000;

export class ConnectionManager implements ManagerPort {
  #state: AgentState = "idle";
  /** The connection that counts. */
  #current: ManagedConnection | null = null;
  /** The one that is to become current: a first connection, a next one, or a rotation's. */
  #candidate: ManagedConnection | null = null;
  #stopCause: StopCause | null = null;
  /** A newer process has the agent: answers still go out, nothing else does, and no connection follows. */
  #superseded = false;
  #nextAttemptAt = 0;
  /** Whether the service asked for that delay, or has too much to do. */
  #hasToWait = false;
  /** Events wait here until the loop has done its round, so that a listener finds nothing half done. */
  readonly #outbox: ManagerEvent[] = [];
  #flushing = false;
  #patterns: readonly string[] = [];
  readonly #rotationBuffer = new RotationBuffer();
  readonly #draining: DrainingConnections;
  readonly #wakeTimer: WakeTimer;
  readonly #stats: ConnectionStats;
  readonly #backoff: Backoff;
  readonly #rotationBackoff: Backoff;

  constructor(
    private readonly options: ManagerOptions,
    private readonly platform: Runtime,
    private readonly emit: (event: ManagerEvent) => void,
  ) {
    this.#draining = new DrainingConnections(options.closeTimeoutMs);
    this.#wakeTimer = new WakeTimer(platform, () => this.wake());
    this.#stats = new ConnectionStats(platform);
    this.#backoff = new Backoff(options.schedules, () => platform.random());
    this.#rotationBackoff = new Backoff(options.schedules, () => platform.random());
  }

  start(): void {
    if (this.#state !== "idle") return;
    this.#enter("connecting", "started");
    this.wake();
  }

  drain(): void {
    if (this.#state === "draining" || isFinal(this.#state)) return;
    this.#enter("draining", "drain");
    this.#current?.beating?.sendNow(this.platform.monotonic());
    this.wake();
  }

  stop(cause: StopCause): void {
    if (this.#stopCause || isFinal(this.#state)) return;
    this.#stopCause = cause;
    if (this.#state === "idle") this.#enter("stopped", cause);
    this.#dropCandidate();
    const reason = this.#superseded ? "superseded" : cause === "drained" ? "drained" : "stopped";
    const now = this.platform.monotonic();
    if (this.#current) this.#draining.close(this.#current, reason, now);
    this.#current = null;
    this.#draining.sendNow(now);
    this.wake();
  }

  /** The delay is random, so that neither a fleet nor a caller in a loop makes a storm. */
  reconnect(): void {
    const now = this.platform.monotonic();
    this.#current?.beating?.probe(now, this.options.connectTimeoutMs);
    const soon = now + this.platform.random() * this.options.schedules.builtIn.network.baseMs;
    if (!this.#hasToWait) this.#nextAttemptAt = Math.min(this.#nextAttemptAt, soon);
    this.wake();
  }

  send(message: ClientMessage): void {
    if (!this.#current?.connection.send(message)) this.#tell({ type: "unsent", message });
    this.#flush();
  }

  setSubscriptions(patterns: readonly string[]): void {
    this.#patterns = patterns;
    for (const lane of this.#lanes) lane.subscribing.want(patterns);
    if (this.#current) this.wake();
  }

  setActivity(activity: Activity): void {
    this.#stats.activity = activity;
  }

  health(): ManagerHealth {
    const { heartbeat } = this.options;
    return this.#stats.health(this.#state, this.#current, heartbeat, this.#backoff.failures);
  }

  /** Does what is due. Timers do so, and whoever knows that they are late. */
  wake(): void {
    if (this.#state !== "idle" && !isFinal(this.#state)) this.#reconcile();
    this.#flush();
  }

  #reconcile(): void {
    const now = this.platform.monotonic();
    this.#draining.work(now);
    if (this.#stopCause) {
      if (this.#draining.size === 0) this.#enterFinal(this.#stopCause);
    } else if (!this.#superseded) {
      this.#noticePause(now);
      this.#giveUpSilent(now);
      this.#connectWhenDue(now);
      this.#rotateWhenDue(now);
      for (const lane of this.#lanes) {
        lane.beat(now, () => this.#stats.activityNow());
        lane.subscribe(now);
      }
      if (this.#stableAt() <= now) this.#backoff.settled();
    }
    const dueAt = Math.min(...this.#deadlines(now));
    if (isFinal(this.#state) || dueAt === Number.POSITIVE_INFINITY) this.#wakeTimer.clear();
    else this.#wakeTimer.set(dueAt);
  }

  /**
   * The machine slept, or the event loop was blocked, or the process stopped: the timer came late. Where the monotonic clock
   * ran on meanwhile, the machine was awake.
   */
  #noticePause(now: number): void {
    const [lateMs, pauseMs, doubtfulMs] = this.#wakeTimer.lateness() ?? [-1, -1, -1];
    if (lateMs >= 0) this.#stats.lagMs = Math.round(lateMs);
    const current = this.#current;
    if (!current?.beating || doubtfulMs < current.beating.intervalMs) return;
    if (pauseMs < Math.max(current.beating.ackTimeoutMs, BROKEN_AFTER_MS)) {
      current.beating.probe(now, this.options.connectTimeoutMs);
      return;
    }
    const isBlocked = lateMs >= current.beating.ackTimeoutMs;
    const why = isBlocked
      ? hint("the event loop was blocked: heartbeatThread keeps heartbeats apart from it")
      : hint("the machine slept");
    const message = `a timer came ${Math.round(pauseMs / 1000)} s late${why}`;
    this.#dropCandidate();
    this.#lose(
      current,
      { kind: "unresponsive", message },
      isBlocked ? "blocked" : "woke_from_sleep",
    );
  }

  #giveUpSilent(now: number): void {
    const { connectTimeoutMs } = this.options;
    const candidate = this.#candidate;
    if (candidate && candidate.awaitedUntil(connectTimeoutMs) <= now) {
      const message = `no ${candidate.awaited} within ${connectTimeoutMs / 1000} s`;
      this.#lose(candidate, { kind: "network", message }, "unresponsive");
    }
    const current = this.#current;
    if (current?.beating && current.beating.lostAt <= now) {
      const message = `no ack within ${current.beating.ackTimeoutMs / 1000} s`;
      this.#lose(current, { kind: "unresponsive", message }, "unresponsive");
    }
  }

  #connectWhenDue(now: number): void {
    const wanting = !this.#current && !this.#candidate && !isFinal(this.#state);
    if (wanting && this.#nextAttemptAt <= now) this.#candidate = this.#open(now);
  }

  #rotateWhenDue(now: number): void {
    if (this.#mayRotate && (this.#current?.rotateAt ?? 0) <= now) this.#candidate = this.#open(now);
  }

  /**
   * One rotation after the other: messages can be put in order from two connections, not from three. A service that
   * refuses heartbeats is not given a second connection to serve.
   */
  get #mayRotate(): boolean {
    const heartbeat = this.#current?.beating;
    if (!heartbeat || heartbeat.isRefused) return false;
    return !this.#candidate && this.#draining.size === 0;
  }

  #open(now: number): ManagedConnection {
    const { url, login, loadKey } = this.options;
    const { min, max } = this.options.rotateAfterMs;
    const lane: ManagedConnection = new ManagedConnection(
      {
        url,
        openSocket: this.platform.openSocket,
        mintToken: async () => {
          const key = await loadKey();
          const rotation = this.#current?.connection.isOpen ?? false;
          // Where neither a clock nor the server tells a step of the wall clock from a sleep, attempts take turns.
          const byWall = !this.platform.boottime && this.#backoff.failures % 2 > 0;
          return signLoginToken({ ...login, rotation }, key, this.#stats.clock.now(byWall));
        },
      },
      {
        opened: () => this.#onOpened(lane),
        received: (message) => this.#onReceived(lane, message),
        ended: (end) => this.#onEnded(lane, end),
      },
      now,
      now + min + this.platform.random() * (max - min),
      () => this.platform.random(),
      this.options.connectTimeoutMs,
    );
    lane.subscribing.want(this.#patterns);
    return lane;
  }

  #onOpened(lane: ManagedConnection): void {
    const now = this.platform.monotonic();
    const terms = this.options.heartbeat;
    lane.opened(now, terms && new Heartbeat(terms, () => this.platform.random(), now));
    // In a rotation the old connection stays until the new one has proved itself.
    if (this.#current) this.#rotationBuffer.begin(this.#current, lane);
    else this.#promote(lane);
    this.wake();
  }

  #onReceived(lane: ManagedConnection, message: ReceivedMessage): void {
    const leaving = this.#draining.has(lane);
    // One with an id answers another message than a heartbeat.
    const refuses = message.type === "error" && message.id === undefined;
    if (refuses) lane.beating?.noteRefusal(this.platform.monotonic());
    if (message.type === "heartbeat_ack") {
      if (!leaving && !this.#superseded) this.#onAck(lane, message);
    } else if (message.type === "superseded") {
      // Whatever was asked with this id is not going to be done.
      if (message.id !== undefined) this.#tell({ type: "message", message });
      this.#onSuperseded();
      this.wake();
    } else if (message.type === "error" && message.code === "revoked") {
      this.#tell({ type: "message", message });
      if (!leaving) this.#lose(lane, REVOKED, "revoked");
      this.wake();
    } else if (lane.subscribing.answered(message, this.platform.monotonic())) {
      if (message.type === "error") this.#tell({ type: "message", message });
      this.#onSubscribed(lane);
    } else {
      const now = message.type !== "message" || this.#rotationBuffer.admits(lane, message);
      if (now) this.#pass({ type: "message", message });
    }
  }

  /**
   * Lets what is being handled be answered on the present connection, as long as the server lets it. During a
   * rotation, the connection that is about to be closed may be the only one that is notified.
   */
  #onSuperseded(): void {
    if (this.#superseded || this.#stopCause) return;
    this.#superseded = true;
    this.#dropCandidate();
    if (this.#state !== "draining") this.#enter("draining", "superseded");
  }

  #onSubscribed(lane: ManagedConnection): void {
    this.#promoteProved(lane);
    if (lane === this.#current && lane.isReady) this.#tell({ type: "ready" });
    this.wake();
  }

  #onAck(lane: ManagedConnection, ack: HeartbeatAckMessage): void {
    const roundTripMs = this.#stats.noteAck(lane.beating, ack);
    this.#promoteProved(lane);
    const renewal = inBrowser
      ? { roundTripMs }
      : { roundTripMs, fencingToken: ack.fencingToken ?? ack.serverTime };
    this.#tell({ type: "acked", ack: renewal });
    this.wake();
  }

  #onEnded(lane: ManagedConnection, end: ConnectionEnd): void {
    if (!this.#draining.ended(lane)) {
      this.#lose(lane, failureOf(end), "connection_lost", this.#wishAfter(lane, end));
    }
    this.wake();
  }

  /** When the server would have the next attempt. */
  #wishAfter(lane: ManagedConnection, end: ConnectionEnd): RetryHint {
    const { clock, reconnectWindowMs } = this.#stats;
    const ageMs = this.platform.monotonic() - (lane.openedAt ?? this.platform.monotonic());
    const wish = { fleetWindowMs: fleetWindowMs(end, ageMs, reconnectWindowMs) };
    if (!isRefused(end)) {
      return inBrowser ? wish : { ...wish, retryAfterMs: enrolmentRefusalIn(end)?.retryAfterMs };
    }
    // A token with a wrong time is refused like any other; the next one carries the server's time.
    if ((end.status === 401 || end.status === 403) && learnFromDate(clock, end.date)) {
      this.#tell({ type: "clock_skew", clockSkewMs: clock.skewMs ?? 0 });
      return { atOnce: true };
    }
    return { ...wish, retryAfterMs: retryAfterMs(end, clock.now()) };
  }

  /** Completes a rotation as soon as the new connection does all that the old one does. */
  #promoteProved(lane: ManagedConnection): void {
    const old = this.#current;
    if (!old || lane !== this.#candidate || lane.awaited) return;
    this.#current = lane;
    this.#candidate = null;
    this.#draining.close(old, "rotated", this.platform.monotonic(), LINGER_MS);
    this.#rotationBackoff.settled();
    this.#tell({ type: "rotated" });
  }

  /** Makes a connection the one that counts, where there is none. */
  #promote(lane: ManagedConnection): void {
    this.#current = lane;
    this.#candidate = null;
    if (this.#state === "connecting" || this.#state === "reconnecting") {
      this.#enter("connected", "opened");
    }
    if (lane.isReady) this.#tell({ type: "ready" });
  }

  /** A connection, or an attempt at one, is over. Plans what comes next. */
  #lose(
    lane: ManagedConnection,
    failure: Failure,
    reason: StateReason,
    wish: RetryHint = {},
  ): void {
    lane.connection.terminate();
    if (lane === this.#candidate) this.#candidate = null;
    if (this.#current && lane !== this.#current) {
      // Nobody waits for a rotation, whatever the fleet does.
      const alone = { ...wish, fleetWindowMs: 0 };
      this.#current.rotateAt = this.#retryAt(this.#rotationBackoff, failure, alone, true);
      return;
    }
    this.#current = null;
    this.#stats.lost(failure);
    this.#draining.cutOff();
    this.#tell({ type: "broken" });
    if (this.#superseded) {
      this.#end("superseded", "superseded");
      return;
    }
    // A rotation was under way: its connection is the next one already.
    if (this.#candidate?.connection.isOpen) {
      this.#promote(this.#candidate);
      return;
    }
    if (!this.options.autoReconnect) {
      const attempts = this.#backoff.failures + 1;
      const attempt = { failure, attempts, retryInMs: null, rotation: false };
      this.#tell({ type: "failed", failedAttempt: attempt });
      this.#end("stopped", "failed", failure);
      return;
    }
    if (this.#state === "connected") this.#enter("reconnecting", reason, failure);
    if (this.#candidate) return;
    this.#nextAttemptAt = this.#retryAt(this.#backoff, failure, wish, false);
    const isOverloaded = failure.kind === "throttled" || failure.kind === "unavailable";
    this.#hasToWait = isOverloaded || !!wish.retryAfterMs || !!wish.fleetWindowMs;
  }

  #retryAt(backoff: Backoff, failure: Failure, wish: RetryHint, rotation: boolean): number {
    const retryInMs = backoff.next(failure.kind, wish);
    const attempt = { failure, attempts: backoff.failures, retryInMs, rotation };
    this.#tell({ type: "failed", failedAttempt: attempt });
    return this.platform.monotonic() + retryInMs;
  }

  get #lanes(): ManagedConnection[] {
    return [this.#current, this.#candidate].filter((lane) => lane !== null);
  }

  #stableAt(): number {
    return this.#current?.stableAt(this.options.stableAfterMs) ?? Number.POSITIVE_INFINITY;
  }

  #dropCandidate(): void {
    this.#candidate?.connection.terminate();
    this.#candidate = null;
  }

  /** Ends for good, without waiting for anything. */
  #end(state: "stopped" | "superseded", reason: StateReason, failure?: Failure): void {
    this.#current?.connection.terminate();
    this.#current = null;
    this.#dropCandidate();
    this.#draining.cutOff();
    this.#wakeTimer.clear();
    this.#enter(state, reason, failure);
  }

  #enterFinal(cause: StopCause): void {
    if (this.#superseded) this.#enter("superseded", "superseded");
    else this.#enter("stopped", cause);
  }

  #enter(state: AgentState, reason: StateReason, failure?: Failure): void {
    const previous = this.#state;
    this.#state = state;
    const at = this.platform.now();
    const change = { state, previous, reason, at, ...(failure && { failure }) };
    this.#tell({ type: "state", change });
  }

  *#deadlines(now: number): Generator<number> {
    yield* this.#draining.deadlines;
    // Whoever drains has a time limit, and the server closes the connection in the end.
    if (this.#superseded) return;
    const [current, candidate] = [this.#current, this.#candidate];
    for (const lane of this.#lanes) {
      if (lane.beating) yield lane.beating.nextAt;
      if (lane.connection.isOpen) yield lane.subscribing.nextAt;
    }
    if (candidate) yield candidate.awaitedUntil(this.options.connectTimeoutMs);
    else if (!current && !this.#stopCause) yield this.#nextAttemptAt;
    if (current?.beating) {
      yield current.beating.lostAt;
      if (this.#mayRotate) yield current.rotateAt;
      yield now + PAUSE_CHECK_MS;
    }
    if (this.#backoff.failures > 0) yield this.#stableAt();
  }

  /** For what changes nothing in the link itself. */
  #pass(event: ManagerEvent): void {
    this.#tell(event);
    this.#flush();
  }

  #tell(event: ManagerEvent): void {
    this.#outbox.push(event);
  }

  #flush(): void {
    for (const message of this.#rotationBuffer.release()) this.#tell({ type: "message", message });
    if (this.#flushing) return;
    this.#flushing = true;
    for (let event = this.#outbox.shift(); event; event = this.#outbox.shift()) this.emit(event);
    this.#flushing = false;
  }
}

/**
 * Keeps an agent connected: one state machine, and one reconcile loop that is woken with a named reason,
 * looks at what is the case, does what is due, and sets one timer for what is due next.
 */

import { Backoff, type Schedules } from "./backoff";
import { ServerClock } from "./clock";
import { Connection, type ConnectionEnd, type ServerFrame } from "./connection";
import { failureOf, retryAfterMs } from "./failure";
import type { LastDisconnect, LinkHealth } from "./health";
import { Heartbeat, type HeartbeatTerms } from "./heartbeat";
import type { SigningKey } from "./keys";
import type { LinkEvent, LinkPort, StopCause } from "./link-port";
import type { Activity, HeartbeatMessage } from "./protocol";
import type { Runtime } from "./runtime";
import { type AgentState, type Failure, isFinal, type StateReason, TRANSITIONS } from "./state";
import { type LoginTerms, signLoginToken } from "./token";

/** Everything that a link needs to know. Plain data but for the key, which can cross threads too. */
export interface LinkOptions {
  url: string;
  login: LoginTerms;
  key: SigningKey;
  /** Null: no heartbeats, and so no rotation and no look-out for silence. */
  heartbeat: HeartbeatTerms | null;
  autoReconnect: boolean;
  schedules: Schedules;
  /** A connection of this age resets the backoff. */
  stableAfterMs: number;
  /** The longest handshake, and the longest wait for the ack that follows a doubtful pause. */
  connectTimeoutMs: number;
  /** How long the peer may take to answer a close. */
  closeTimeoutMs: number;
  /** A connection is replaced at a random age between these two. */
  rotateAfterMs: { min: number; max: number };
}

/** One connection and what is known about it. */
interface Lane {
  connection: Connection;
  startedAt: number;
  openedAt: number | null;
  rotateAt: number;
  heartbeat: Heartbeat | null;
  revoked: boolean;
}

/** Why the loop runs. */
type WakeReason = "timer" | "start" | "opened" | "ended" | "ack" | "drain" | "stop" | "superseded";

/** A heartbeat is left out while more than this waits in the socket: it would be stale on arrival. */
const MAX_BUFFERED_BYTES = 128 * 1024;

/**
 * The longest timer while connected. Timers stand still while the machine sleeps, so that a long one
 * would fire long after it woke.
 */
const PAUSE_CHECK_MS = 10_000;

/** A loop that another thread sees standing still for this long is told as `blocked`. */
const BLOCKED_AFTER_MS = 5_000;

export class Link implements LinkPort {
  #state: AgentState = "idle";
  /** The connection that counts. */
  #current: Lane | null = null;
  /** The one that is to become current: a first connection, a next one, or a rotation's. */
  #candidate: Lane | null = null;
  /** Connections that were told to close, with the moment at which they are given up. */
  readonly #closing = new Map<Connection, number>();
  #stopCause: StopCause | null = null;
  #nextAttemptAt = 0;
  /** Events wait here until the loop has done its round, so that a listener finds nothing half done. */
  readonly #outbox: LinkEvent[] = [];
  #flushing = false;
  #timer: unknown = null;
  #due: { at: number; wallAt: number } | null = null;
  #lagMs = 0;
  #activity: Activity = { state: "idle" };
  #lastAck: { at: number; monotonic: number } | null = null;
  #roundTripMs: number | null = null;
  #lastDisconnect: LastDisconnect | null = null;
  readonly #clock: ServerClock;
  readonly #backoff: Backoff;
  readonly #rotationBackoff: Backoff;

  constructor(
    private readonly options: LinkOptions,
    private readonly runtime: Runtime,
    private readonly emit: (event: LinkEvent) => void,
  ) {
    this.#clock = new ServerClock(() => runtime.now());
    this.#backoff = new Backoff(options.schedules, () => runtime.random());
    this.#rotationBackoff = new Backoff(options.schedules, () => runtime.random());
  }

  start(): void {
    if (this.#state !== "idle") return;
    this.#enter("connecting", "started");
    this.#wake("start");
  }

  drain(): void {
    if (this.#state === "draining" || isFinal(this.#state)) return;
    if (this.#state === "idle") {
      this.stop("drained");
      return;
    }
    this.#enter("draining", "drain");
    this.#current?.heartbeat?.hasten(this.runtime.monotonic());
    this.#wake("drain");
  }

  stop(cause: StopCause): void {
    if (this.#stopCause || isFinal(this.#state)) return;
    this.#stopCause = cause;
    if (this.#state === "idle") this.#enter("stopped", cause);
    this.#candidate?.connection.terminate();
    this.#candidate = null;
    if (this.#current) this.#close(this.#current, cause === "drained" ? "drained" : "stopped");
    this.#current = null;
    this.#wake("stop");
  }

  send(message: ServerFrame): void {
    if (!this.#current?.connection.send(message)) this.#tell({ type: "unsent", message });
    this.#flush();
  }

  setActivity(activity: Activity): void {
    this.#activity = activity;
  }

  health(): LinkHealth {
    return {
      state: this.#state,
      connected: this.#current?.connection.isOpen ?? false,
      lastAckAt: this.#lastAck?.at ?? null,
      lastAckMonotonic: this.#lastAck?.monotonic ?? null,
      ackTimeoutMs: this.#current?.heartbeat?.ackTimeoutMs ?? this.#ownAckTimeoutMs(),
      reconnectAttempts: this.#backoff.attempts,
      roundTripMs: this.#roundTripMs,
      clockSkewMs: this.#clock.skewMs,
      eventLoopLagMs: this.#lagMs,
      lastDisconnect: this.#lastDisconnect,
    };
  }

  #wake(reason: WakeReason): void {
    this.runtime.trace?.(`${this.options.login.agentId}: ${this.#state}, woken by ${reason}`);
    if (this.#state !== "idle" && !isFinal(this.#state)) this.#reconcile();
    this.#flush();
  }

  #reconcile(): void {
    const now = this.runtime.monotonic();
    for (const [connection, deadline] of this.#closing) {
      if (deadline <= now) this.#forget(connection);
    }
    if (this.#stopCause) {
      if (this.#closing.size === 0) this.#enter("stopped", this.#stopCause);
    } else {
      this.#noticePause(now);
      this.#giveUpSilent(now);
      this.#connectWhenDue(now);
      this.#rotateWhenDue(now);
      this.#beat(this.#current, now);
      this.#beat(this.#candidate, now);
      this.#settleWhenStable(now);
    }
    this.#arm(now);
  }

  /** The process was stopped, the machine slept, or the event loop was blocked: the timer came late. */
  #noticePause(now: number): void {
    if (!this.#due) return;
    const lateMs = now - this.#due.at;
    if (lateMs >= 0) this.#lagMs = Math.round(lateMs);
    // Only the wall clock is sure to run on while the machine sleeps.
    const pauseMs = Math.max(lateMs, this.runtime.now() - this.#due.wallAt);
    const current = this.#current;
    if (!current?.heartbeat || pauseMs < current.heartbeat.intervalMs) return;
    if (pauseMs < current.heartbeat.ackTimeoutMs) {
      current.heartbeat.probe(now, this.options.connectTimeoutMs);
      return;
    }
    const message = `a timer came ${Math.round(pauseMs / 1000)} s late`;
    this.#candidate?.connection.terminate();
    this.#candidate = null;
    this.#lose(current, { kind: "unresponsive", message }, "woke_from_sleep");
  }

  #giveUpSilent(now: number): void {
    const { connectTimeoutMs } = this.options;
    const candidate = this.#candidate;
    if (candidate && (candidate.openedAt ?? candidate.startedAt) + connectTimeoutMs <= now) {
      const awaited = candidate.openedAt === null ? "handshake" : "ack";
      const message = `no ${awaited} within ${connectTimeoutMs / 1000} s`;
      this.#lose(candidate, { kind: "network", message }, "unresponsive");
    }
    const current = this.#current;
    if (current?.heartbeat && current.heartbeat.deadline <= now) {
      const message = `no ack within ${current.heartbeat.ackTimeoutMs / 1000} s`;
      this.#lose(current, { kind: "unresponsive", message }, "unresponsive");
    }
  }

  #connectWhenDue(now: number): void {
    const idle = !this.#current && !this.#candidate && !isFinal(this.#state);
    if (idle && this.#nextAttemptAt <= now) this.#candidate = this.#open(now);
  }

  #rotateWhenDue(now: number): void {
    if (this.#candidate || !this.#current?.heartbeat) return;
    if (this.#current.rotateAt <= now) this.#candidate = this.#open(now);
  }

  #open(now: number): Lane {
    const { url, login, key } = this.options;
    const { min, max } = this.options.rotateAfterMs;
    const connection = new Connection(
      {
        url,
        openSocket: this.runtime.openSocket,
        mintToken: () => signLoginToken(login, key, this.#clock.now()),
      },
      {
        opened: () => this.#onOpened(lane),
        received: (_, message) => this.#onReceived(lane, message),
        malformed: (_, frame) => this.#pass({ type: "malformed", frame }),
        ended: (_, end) => this.#onEnded(lane, end),
      },
    );
    const lane: Lane = {
      connection,
      startedAt: now,
      openedAt: null,
      rotateAt: now + min + this.runtime.random() * (max - min),
      heartbeat: null,
      revoked: false,
    };
    return lane;
  }

  #onOpened(lane: Lane): void {
    const now = this.runtime.monotonic();
    lane.openedAt = now;
    if (this.options.heartbeat) {
      lane.heartbeat = new Heartbeat(this.options.heartbeat, () => this.runtime.random(), now);
    }
    // In a rotation the old connection stays until the new one has been acknowledged.
    if (!this.#current) this.#promote(lane);
    this.#wake("opened");
  }

  #onReceived(lane: Lane, message: ServerFrame): void {
    const leaving = this.#closing.has(lane.connection);
    if (message.type === "heartbeat_ack") {
      if (!leaving) this.#onAck(lane, message);
    } else if (message.type === "superseded") {
      if (!leaving) this.#end("superseded", "superseded");
      this.#wake("superseded");
    } else {
      if (message.type === "error" && message.code === "revoked") lane.revoked = true;
      this.#pass({ type: "message", message });
    }
  }

  #onAck(lane: Lane, { serverTime, heartbeatInterval }: ServerFrame): void {
    const now = this.runtime.monotonic();
    const advisedMs = typeof heartbeatInterval === "number" ? heartbeatInterval * 1000 : null;
    const roundTripMs = lane.heartbeat?.receivedAck(now, advisedMs) ?? null;
    if (roundTripMs !== null && typeof serverTime === "number") {
      this.#roundTripMs = roundTripMs;
      this.#clock.learnFromAck(serverTime, roundTripMs);
    }
    this.#lastAck = { at: this.runtime.now(), monotonic: now };
    if (lane === this.#candidate) this.#promote(lane);
    this.#tell({ type: "acked", roundTripMs });
    this.#wake("ack");
  }

  #onEnded(lane: Lane, end: ConnectionEnd): void {
    if (this.#closing.delete(lane.connection)) {
      this.#wake("ended");
      return;
    }
    const failure = failureOf(end, lane.revoked);
    let advisedMs = 0;
    let retryNow = false;
    if (end.how === "refused") {
      advisedMs = retryAfterMs(end, this.#clock.now());
      // A token with a wrong time is refused like any other; the next one carries the server's time.
      if ((end.status === 401 || end.status === 403) && this.#clock.learnFromDate(end.date)) {
        retryNow = true;
        this.#tell({ type: "clock_skew", clockSkewMs: this.#clock.skewMs ?? 0 });
      }
    }
    this.#lose(lane, failure, "connection_lost", retryNow ? "now" : advisedMs);
    this.#wake("ended");
  }

  #promote(lane: Lane): void {
    const old = this.#current;
    this.#current = lane;
    this.#candidate = null;
    if (old) {
      this.#close(old, "rotated");
      this.#rotationBackoff.settled();
      this.#tell({ type: "rotated" });
    } else if (this.#state === "connecting" || this.#state === "reconnecting") {
      this.#enter("connected", "opened");
    }
  }

  /** A connection, or an attempt at one, is over. Plans what comes next. */
  #lose(lane: Lane, failure: Failure, reason: StateReason, advice: number | "now" = 0): void {
    lane.connection.terminate();
    const delayBy = (backoff: Backoff) => {
      const delayMs = backoff.next(failure.kind, advice === "now" ? 0 : advice);
      return advice === "now" ? 0 : delayMs;
    };
    const now = this.runtime.monotonic();
    if (lane === this.#candidate) this.#candidate = null;
    if (lane !== this.#current && this.#current) {
      const retryInMs = delayBy(this.#rotationBackoff);
      this.#current.rotateAt = now + retryInMs;
      const attempts = this.#rotationBackoff.attempts;
      this.#tell({
        type: "attempt_failed",
        attempt: { failure, attempts, retryInMs, rotation: true },
      });
      return;
    }
    this.#current = null;
    this.#lastDisconnect = {
      code: failure.code ?? null,
      reason: failure.message,
      at: this.runtime.now(),
    };
    // A rotation was under way: its connection is the next one already.
    if (this.#candidate?.connection.isOpen) {
      this.#promote(this.#candidate);
      return;
    }
    if (!this.options.autoReconnect) {
      const attempt = { failure, attempts: this.#backoff.attempts + 1, retryInMs: null };
      this.#tell({ type: "attempt_failed", attempt: { ...attempt, rotation: false } });
      this.#end("stopped", "failed", failure);
      return;
    }
    if (this.#state === "connected") this.#enter("reconnecting", reason, failure);
    if (this.#candidate) return;
    const retryInMs = delayBy(this.#backoff);
    this.#nextAttemptAt = now + retryInMs;
    const attempts = this.#backoff.attempts;
    this.#tell({
      type: "attempt_failed",
      attempt: { failure, attempts, retryInMs, rotation: false },
    });
  }

  #beat(lane: Lane | null, now: number): void {
    if (!lane?.heartbeat || !lane.connection.isOpen || lane.heartbeat.nextAt > now) return;
    if (lane.connection.bufferedAmount > MAX_BUFFERED_BYTES) {
      lane.heartbeat.skipped(now);
      return;
    }
    const ask = lane.heartbeat.sent(now);
    const message: HeartbeatMessage = { type: "heartbeat", activity: this.#activityNow() };
    lane.connection.send(ask ? message : { ...message, ack: false });
  }

  #activityNow(): Activity {
    const observedMs = this.runtime.observedLagMs?.();
    const blocked = observedMs !== undefined && observedMs >= BLOCKED_AFTER_MS;
    return {
      ...this.#activity,
      ...(blocked && { state: "blocked" }),
      eventLoopLagMs: observedMs ?? this.#lagMs,
    };
  }

  #settleWhenStable(now: number): void {
    if (this.#backoff.attempts > 0 && this.#stableAt() <= now) this.#backoff.settled();
  }

  #stableAt(): number {
    const { openedAt, heartbeat } = this.#current ?? {};
    if (openedAt == null || heartbeat?.acked === false) return Number.POSITIVE_INFINITY;
    return openedAt + this.options.stableAfterMs;
  }

  #close(lane: Lane, reason: string): void {
    if (!lane.connection.isOpen) {
      lane.connection.terminate();
      return;
    }
    this.#closing.set(lane.connection, this.runtime.monotonic() + this.options.closeTimeoutMs);
    lane.connection.close(1000, reason);
  }

  #forget(connection: Connection): void {
    connection.terminate();
    this.#closing.delete(connection);
  }

  /** Ends for good, without waiting for anything. */
  #end(state: "stopped" | "superseded", reason: StateReason, failure?: Failure): void {
    this.#current?.connection.terminate();
    this.#candidate?.connection.terminate();
    this.#current = null;
    this.#candidate = null;
    for (const connection of [...this.#closing.keys()]) this.#forget(connection);
    this.#enter(state, reason, failure);
    this.#disarm();
  }

  #enter(state: AgentState, reason: StateReason, failure?: Failure): void {
    const previous = this.#state;
    if (!TRANSITIONS[previous].includes(state)) {
      throw new Error(`expected a state that may follow ${previous}, got ${state}`);
    }
    this.#state = state;
    const at = this.runtime.now();
    this.#tell({
      type: "state",
      change: { state, previous, reason, at, ...(failure && { failure }) },
    });
  }

  #arm(now: number): void {
    this.#disarm();
    const dueAt = Math.min(...this.#deadlines());
    if (isFinal(this.#state) || dueAt === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.max(0, dueAt - now);
    this.#due = { at: now + delayMs, wallAt: this.runtime.now() + delayMs };
    this.#timer = this.runtime.setTimeout(() => this.#wake("timer"), delayMs);
  }

  #disarm(): void {
    this.runtime.clearTimeout(this.#timer);
    this.#due = null;
  }

  *#deadlines(): Generator<number> {
    yield* this.#closing.values();
    const [current, candidate] = [this.#current, this.#candidate];
    if (candidate) {
      yield (candidate.openedAt ?? candidate.startedAt) + this.options.connectTimeoutMs;
      if (candidate.heartbeat) yield candidate.heartbeat.nextAt;
    } else if (!current && !this.#stopCause) yield this.#nextAttemptAt;
    if (current?.heartbeat) {
      yield current.heartbeat.nextAt;
      yield current.heartbeat.deadline;
      if (!candidate) yield current.rotateAt;
      yield this.runtime.monotonic() + PAUSE_CHECK_MS;
    }
    if (this.#backoff.attempts > 0) yield this.#stableAt();
  }

  /** For what changes nothing in the link itself. */
  #pass(event: LinkEvent): void {
    this.#tell(event);
    this.#flush();
  }

  #tell(event: LinkEvent): void {
    this.#outbox.push(event);
  }

  #flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    for (let event = this.#outbox.shift(); event; event = this.#outbox.shift()) this.emit(event);
    this.#flushing = false;
  }

  #ownAckTimeoutMs(): number | null {
    const terms = this.options.heartbeat;
    return terms && terms.intervalMs * (terms.ackEvery - 1 + terms.timeoutMultiplier);
  }
}

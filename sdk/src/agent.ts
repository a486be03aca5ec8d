/** What an application holds: handlers, events, requests and the way an agent starts and ends. */

import type { AgentEnvironment } from "./agent-environment";
import type { AgentEvents, RunEnd } from "./agent-events";
import { notConnected, type ServerFrame } from "./connection";
import { Dispatcher, type MessageHandler } from "./dispatcher";
import { Channel, Emitter } from "./emitter";
import { errorOf } from "./failure";
import { type ConnectionHealth, judgeHealth } from "./health";
import type { SigningKey } from "./keys";
import type { FailedAttempt, LinkEvent, LinkPort, StopCause } from "./link-port";
import type { ResolvedOptions } from "./options";
import type { Activity, AgentsMessage, ListMessage } from "./protocol";
import { Requests } from "./requests";
import { type AgentState, isFinal, type StateChange } from "./state";

/** What `HeartbeatAgent` and `SimpleAgent` have in common, on every platform. */
export abstract class Agent {
  readonly agentId: string;
  readonly organizationId: string;
  /** Tells this process from others with the same agent id. */
  readonly instanceId: string;
  readonly #options: ResolvedOptions;
  readonly #environment: AgentEnvironment;
  readonly #events: Emitter<AgentEvents>;
  readonly #dispatcher: Dispatcher;
  readonly #requests: Requests;
  readonly #channels = new Set<Channel<StateChange>>();
  /** Resolves with the last change of state. */
  readonly #ended: Promise<StateChange>;
  #resolveEnded: (change: StateChange) => void = () => {};
  #link: LinkPort | null = null;
  #beginning: Promise<void> | null = null;
  #running: Promise<RunEnd> | null = null;
  #draining: Promise<void> | null = null;
  #stopCause: StopCause | null = null;
  #state: AgentState = "idle";

  protected constructor(options: ResolvedOptions, environment: AgentEnvironment) {
    this.#ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#options = options;
    this.#environment = environment;
    const { agentId, organizationId, instanceId } = options.link.login;
    this.agentId = agentId;
    this.organizationId = organizationId;
    this.instanceId = instanceId;
    this.#events = new Emitter((error) => {
      options.logger.error(`${agentId}: a listener failed: ${describe(error)}`);
    });
    this.#requests = new Requests(environment.runtime);
    this.#dispatcher = new Dispatcher({
      failed: (subject, error) => {
        options.logger.error(`${agentId}: a handler of ${subject} failed: ${describe(error)}`);
        this.#events.emit("handlerError", { subject, error });
      },
      changed: () => this.#link?.setActivity(this.#activity()),
    });
  }

  /** Where the agent stands. */
  get state(): AgentState {
    return this.#state;
  }

  /**
   * Calls a handler for every message on a subject, or on all subjects of a pattern (`*` stands for one
   * token, a last `>` for one or more). A handler may take its time: nothing waits for it but a drain.
   *
   * @returns a function that takes the handler away again
   * @throws SubjectError if the pattern is not one.
   */
  onMessage(pattern: string, handler: MessageHandler): () => void {
    return this.#dispatcher.add(pattern, handler);
  }

  /** @returns a function that takes the listener away again */
  on<Name extends keyof AgentEvents>(
    name: Name,
    listener: (event: AgentEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  /** Every change of state from now on, up to and including the last. */
  stateChanges(): AsyncIterableIterator<StateChange> {
    const channel: Channel<StateChange> = new Channel(() => this.#channels.delete(channel));
    this.#channels.add(channel);
    if (isFinal(this.#state)) channel.end();
    return channel;
  }

  /**
   * Connects and stays connected in the background.
   *
   * @returns when the agent is connected for the first time
   * @throws AgentHeartbeatError if it ends before, or if the private key is unusable.
   */
  async start(): Promise<void> {
    await this.#begin();
    if (this.#state === "connected") return;
    for await (const change of this.stateChanges()) {
      if (change.state === "connected") return;
      if (change.failure && isFinal(change.state)) throw errorOf(this.agentId, change.failure);
    }
    throw notConnected(this.agentId);
  }

  /**
   * Connects, stays connected, and ends only by `stop()`, `drain()`, a signal, or another process that
   * takes over.
   *
   * @returns how it ended
   * @throws AgentHeartbeatError if the private key is unusable, or, without `autoReconnect`, if the
   *   connection fails or ends.
   */
  run(): Promise<RunEnd> {
    this.#running ??= this.#run();
    return this.#running;
  }

  /** Ends at once: handlers that run are left to themselves. Resolves when the connection is closed. */
  async stop(): Promise<void> {
    this.#dispatcher.close();
    await this.#stop("stop");
  }

  /**
   * Ends with grace: heartbeats say `draining`, no further handler starts, those that run may finish
   * within `drainTimeout`; then the connection is closed and the agent is offline as `drained`.
   */
  drain(): Promise<void> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  getConnectionHealth(): ConnectionHealth {
    const health = this.#link?.health() ?? {
      state: this.#state,
      connected: false,
      lastAckAt: null,
      lastAckMonotonic: null,
      ackTimeoutMs: null,
      reconnectAttempts: 0,
      roundTripMs: null,
      clockSkewMs: null,
      eventLoopLagMs: 0,
      lastDisconnect: null,
    };
    return judgeHealth(health, this.#environment.runtime.monotonic());
  }

  /**
   * A page of the organization's agents, with their derived status.
   *
   * @throws ConnectionError if there is no connection.
   * @throws RequestRefusedError if the server refuses.
   * @throws RequestTimeoutError if no reply comes.
   */
  async list(query: Omit<ListMessage, "type" | "id"> = {}): Promise<AgentsMessage> {
    const reply = await this.#request({ type: "list", ...query });
    return reply as unknown as AgentsMessage;
  }

  #request(message: ServerFrame): Promise<ServerFrame> {
    const link = this.#link;
    if (!link || isFinal(this.#state)) return Promise.reject(notConnected(this.agentId));
    return this.#requests.request(message, this.#options.requestTimeoutMs, (m) => link.send(m));
  }

  #begin(): Promise<void> {
    this.#beginning ??= this.#environment.loadKey().then(
      (key) => this.#openLink(key),
      (error) => {
        this.#beginning = null;
        throw error;
      },
    );
    return this.#beginning;
  }

  #openLink(key: SigningKey): void {
    const options = { ...this.#options.link, key };
    const link = this.#environment.createLink(options, (event) => this.#hear(event));
    this.#link = link;
    if (this.#stopCause) link.stop(this.#stopCause);
    else link.start();
  }

  async #run(): Promise<RunEnd> {
    const release = this.#environment.onSignal?.(() => {
      // The second signal finds a drain that takes too long for someone.
      void (this.#draining ? this.stop() : this.drain());
    });
    try {
      await this.#begin();
      const { state, reason, failure } = await this.#ended;
      if (failure) throw errorOf(this.agentId, failure);
      return state === "superseded" ? "superseded" : (reason as StopCause);
    } catch (error) {
      this.#running = null;
      throw error;
    } finally {
      release?.();
    }
  }

  async #stop(cause: StopCause): Promise<void> {
    this.#stopCause ??= cause;
    if (!this.#beginning) return;
    await this.#beginning.catch(() => undefined);
    if (!this.#link) return;
    this.#link.stop(this.#stopCause);
    await this.#ended;
  }

  async #drain(): Promise<void> {
    this.#dispatcher.close();
    this.#link?.setActivity(this.#activity(true));
    this.#link?.drain();
    if (this.#link) await this.#handlersDone();
    await this.#stop("drained");
  }

  #handlersDone(): Promise<void> {
    const { runtime } = this.#environment;
    return new Promise((resolve) => {
      const timer = runtime.setTimeout(resolve, this.#options.drainTimeoutMs);
      const done = () => {
        runtime.clearTimeout(timer);
        resolve();
      };
      void this.#dispatcher.idle().then(done);
      void this.#ended.then(done);
    });
  }

  #activity(draining = this.#draining !== null): Activity {
    const { inFlight } = this.#dispatcher;
    const state = draining ? "draining" : inFlight > 0 ? "working" : "idle";
    return inFlight > 0 ? { state, inFlight } : { state };
  }

  #hear(event: LinkEvent): void {
    switch (event.type) {
      case "state":
        this.#hearState(event.change);
        break;
      case "attempt_failed":
        this.#hearFailure(event.attempt);
        break;
      case "acked":
        this.#events.emit("heartbeatAck", { roundTripMs: event.roundTripMs });
        break;
      case "rotated":
        this.#events.emit("rotated", {});
        break;
      case "clock_skew":
        this.#warn(
          `the local clock is off by ${Math.round(event.clockSkewMs / 1000)} s; corrected`,
        );
        this.#events.emit("clockSkew", { clockSkewMs: event.clockSkewMs });
        break;
      case "message":
        this.#hearMessage(event.message);
        break;
      case "malformed":
        this.#hearProtocolError("expected a JSON object with a type, got another frame");
        break;
      case "unsent":
        this.#requests.fail(notConnected(this.agentId), event.message.id);
        break;
    }
  }

  #hearState(change: StateChange): void {
    this.#state = change.state;
    if (change.state !== "connected" && change.state !== "draining") {
      this.#requests.fail(notConnected(this.agentId));
    }
    if (change.state === "superseded") {
      this.#warn("another process with the same agent id has taken over; this one has stopped");
    }
    this.#events.emit("state", change);
    for (const channel of [...this.#channels]) {
      channel.push(change);
      if (isFinal(change.state)) channel.end();
    }
    if (!isFinal(change.state)) return;
    this.#dispatcher.close();
    this.#resolveEnded(change);
  }

  #hearFailure(attempt: FailedAttempt): void {
    const error = errorOf(this.agentId, attempt.failure);
    const { retryInMs } = attempt;
    const next = retryInMs === null ? "" : `; trying again in ${(retryInMs / 1000).toFixed(1)} s`;
    const { kind } = attempt.failure;
    if (kind === "refused" || kind === "conflict") this.#options.logger.error(error.message + next);
    else this.#options.logger.warn(error.message + next);
    this.#events.emit("attemptFailed", { ...attempt, error });
  }

  #hearMessage(message: ServerFrame): void {
    if (this.#requests.settle(message)) return;
    const { type, subject, data, from } = message;
    if (type === "message" && typeof subject === "string") {
      this.#dispatcher.dispatch(subject, data, typeof from === "string" ? { from } : {});
    } else if (type === "error") {
      this.#hearProtocolError(`${message.code}: ${message.message}`);
    }
  }

  #hearProtocolError(message: string): void {
    this.#warn(message);
    this.#events.emit("protocolError", { message });
  }

  #warn(message: string): void {
    this.#options.logger.warn(`${this.agentId}: ${message}`);
  }
}

const describe = (error: unknown) =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

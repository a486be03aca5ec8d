/** What an application holds: handlers, events, requests and the way an agent starts and ends. */

import type { AgentsMessage, ListMessage } from "../../core/protocol";
import type { ReceivedMessage } from "../../core/server-messages";
import { AgentEventReporter } from "./agent-event-reporter";
import type { AgentEvents, RunEnd } from "./agent-events";
import { ClientConnection } from "./connection/client-connection";
import { notConnected } from "./connection/connection";
import { errorOf } from "./connection/failure";
import { type ConnectionHealth, healthBefore, judgeHealth } from "./connection/health";
import type { ManagerEvent, StopCause } from "./connection/manager-port";
import { type StartOptions, untilAborted } from "./connection/start";
import { type AgentState, isFinal, type StateChange } from "./connection/state";
import { Lifecycle } from "./lifecycle";
import type { HandlerOptions, MessageHandler } from "./messaging/dispatcher";
import { Messaging, type PublishOptions, type RequestOptions } from "./messaging/messaging";
import { type ProfileOptions, ProfilePublisher, profileOf } from "./messaging/profile";
import type { ResolvedOptions } from "./options";
import type { AgentEnvironment } from "./platform/agent-environment";
import { inBrowser } from "./platform/in-browser";

/** A message that drains an agent if its options allow that. */
const DRAIN_SUBJECT = "agent.drain";

/** Which agents `list()` returns: see `ListMessage`. */
export type ListQuery = {
  [Name in "status" | "cursor" | "limit" | "profiles"]?: ListMessage[Name] | undefined;
};

/** What `HeartbeatAgent` and `SimpleAgent` have in common, on every platform. */
export abstract class Agent {
  readonly agentId: string;
  readonly organizationId: string;
  /** Identifies this process among all processes of the agent. */
  readonly instanceId: string;
  readonly #environment: AgentEnvironment;
  readonly #remoteDrain: boolean;
  readonly #reporter: AgentEventReporter;
  readonly #connection: ClientConnection;
  readonly #messaging: Messaging;
  readonly #profile: ProfilePublisher;
  readonly #lifecycle: Lifecycle;
  #running: Promise<RunEnd> | null = null;

  protected constructor(options: ResolvedOptions, environment: AgentEnvironment) {
    const { agentId, organizationId, instanceId } = options.managerOptions.login;
    this.agentId = agentId;
    this.organizationId = organizationId;
    this.instanceId = instanceId;
    this.#environment = environment;
    this.#remoteDrain = options.remoteDrain;
    this.#reporter = new AgentEventReporter(agentId, options.logger);
    this.#connection = new ClientConnection(options, environment, (event) => this.#onEvent(event));
    this.#profile = new ProfilePublisher(options.profile, this.#connection, this.#reporter);
    this.#messaging = new Messaging(
      { agentId, ...options, ...environment },
      this.#connection,
      this.#reporter,
    );
    this.#lifecycle = new Lifecycle(
      this.#connection,
      this.#messaging,
      environment.runtime,
      options.drainTimeoutMs,
    );
  }

  /** The agent's current state. */
  get state(): AgentState {
    return this.#lifecycle.state;
  }

  /**
   * Calls a handler for every message on a subject, or on all subjects that match a pattern (`*` stands for one
   * token, a final `>` for one or more). It gets messages of one subject one after the other, in order.
   * Its return value answers a request; an error that it throws is reported.
   *
   * @returns a function that removes the handler
   * @throws SubjectError if the pattern is invalid.
   * @throws ConfigurationError if an option is out of its limits.
   */
  onMessage<Data = unknown>(
    pattern: string,
    handler: MessageHandler<Data>,
    options: HandlerOptions = {},
  ): () => void {
    // The data is whatever the sender chose: its type is an assertion of the caller.
    return this.#messaging.onMessage(pattern, handler as MessageHandler, options);
  }

  /**
   * Sends a message to all connected subscribers, or to one agent: the one in `options.to`, or one that has the
   * capability in `options.capability`. Messages on one subject are sent one after
   * the other, in the order of the calls.
   *
   * @param subject may be undefined if the options name an agent or a capability: it is `direct` then
   * @param data any JSON value
   * @returns how many processes it reached
   * @throws SubjectError if the subject is invalid.
   * @throws ConfigurationError if `to` or `capability` is invalid, or both are given.
   * @throws MessageError if the data is not JSON, if the message is too large (128 KB with its envelope, 32 KB in a
   *   browser), or if too many messages wait to be sent.
   * @throws ConnectionError if there is no connection.
   * @throws RequestRefusedError if the server refuses.
   * @throws RequestTimeoutError if there is no answer within `requestTimeout`, the wait for earlier messages on the subject
   *   included. If its `sent` is true, the message may have been delivered.
   */
  publish(
    subject: string | undefined,
    data?: unknown,
    options: PublishOptions = {},
  ): Promise<{ reached: number }> {
    return this.#messaging.publish({ subject, data, ...options });
  }

  /**
   * Sends a message and waits for the value that a handler returns.
   *
   * @throws RemoteError if the receiver answers with an error, or is lost before it answers (`receiver_lost`).
   * @throws NoReceiverError if it reaches no receiver.
   * @throws RequestTimeoutError if no answer arrives in time.
   * @throws The reason of `options.signal`, if it is aborted before.
   * @throws AgentHeartbeatError as `publish()` does.
   */
  request<Result = unknown>(
    subject: string | undefined,
    data?: unknown,
    options: RequestOptions = {},
  ): Promise<Result> {
    return this.#messaging.request(subject, data, options) as Promise<Result>;
  }

  /**
   * Records progress of the calling handler, which the next heartbeat reports. In a browser, and outside of any handler, it is
   * progress of the handler that has run for longest.
   *
   * @param note a description, at most 64 characters
   */
  progress(note?: string): void {
    this.#messaging.progress(note);
  }

  /**
   * Replaces capabilities and metadata; those that are left out are removed. They are sent now, or with the
   * next connection.
   *
   * @throws ConfigurationError if the server would refuse them.
   */
  setProfile(profile: ProfileOptions): void {
    this.#profile.set(profileOf(profile));
    if (this.#lifecycle.isReady) void this.#profile.sendProfile();
  }

  /** @returns a function that removes the listener, as `off()` does */
  on<Name extends keyof AgentEvents>(
    name: Name,
    listener: (event: AgentEvents[Name]) => void,
  ): () => void {
    return this.#reporter.on(name, listener);
  }

  /** Calls a listener for the next event only. @returns a function that removes it */
  once<Name extends keyof AgentEvents>(
    name: Name,
    listener: (event: AgentEvents[Name]) => void,
  ): () => void {
    return this.#reporter.on(name, listener, true);
  }

  /** Removes a listener, however often it was added. */
  off<Name extends keyof AgentEvents>(
    name: Name,
    listener: (event: AgentEvents[Name]) => void,
  ): void {
    this.#reporter.off(name, listener);
  }

  /** Every change of state from now on, up to and including the last. */
  stateChanges(): AsyncIterableIterator<StateChange> {
    return this.#reporter.stateChanges(isFinal(this.state));
  }

  /**
   * Connects and stays connected in the background.
   *
   * @returns when the agent is connected and its subscriptions are in place
   * @throws AgentHeartbeatError if it ends before, or if the private key is unusable.
   * @throws StartAbortedError if the signal is aborted before. The agent then stops.
   */
  start({ signal }: StartOptions = {}): Promise<void> {
    return untilAborted(this.#start(), signal, (reason) => {
      void this.stop();
      return this.#connection.attempts.error(reason);
    });
  }

  async #start(): Promise<void> {
    await this.#lifecycle.begin();
    if (this.#lifecycle.isReady) return;
    const ready = new Promise<void>((resolve) => {
      this.#reporter.on("ready", () => resolve(), true);
    });
    const end = await Promise.race([ready, this.#lifecycle.ended]);
    if (end) throw end.failure ? errorOf(this.agentId, end.failure) : notConnected(this.agentId);
  }

  /**
   * Connects, stays connected, and ends only by `stop()`, `drain()`, a signal, or another process of the agent that
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

  /**
   * Ends at once, without waiting for running handlers. Resolves when the connection is closed. A handler that has
   * called `drain()` before has its answer sent first.
   */
  stop(): Promise<void> {
    return this.#lifecycle.stop();
  }

  /**
   * Ends gracefully: heartbeats report `draining`, no further handler starts, and running handlers may finish
   * within `drainTimeout`; then the connection is closed and the agent is offline as `drained`. Called in a handler (in a
   * browser: before it awaits anything), it resolves when all others have finished: the agent ends after the handler that
   * called.
   */
  drain(): Promise<void> {
    return this.#lifecycle.drain();
  }

  /**
   * Makes the next attempt sooner. Call it if you know that the network is back. Within `reconnect.baseDelay` (1 s), an
   * agent that waits for its next attempt makes it, unless the service asked it to wait; an open connection is
   * probed. Pages need not call it: the agent does when the browser is online or visible again.
   */
  reconnect(): void {
    this.#connection.manager?.reconnect();
  }

  getConnectionHealth(): ConnectionHealth {
    const health = this.#connection.manager?.health() ?? healthBefore(this.state);
    return judgeHealth(health, this.#environment.runtime.monotonic());
  }

  /**
   * A page of the organization's agents, with their derived status.
   *
   * @throws ConnectionError if there is no connection.
   * @throws RequestRefusedError if the server refuses.
   * @throws RequestTimeoutError if no reply arrives.
   */
  async list(query: ListQuery = {}): Promise<AgentsMessage> {
    return this.#connection.request<ListMessage>({
      type: "list",
      ...(query as Omit<ListMessage, "type">),
    });
  }

  async #run(): Promise<RunEnd> {
    const release = this.#environment.onSignal?.(this);
    try {
      await this.#lifecycle.begin();
      const { state, reason, failure } = await this.#lifecycle.ended;
      if (failure) throw errorOf(this.agentId, failure);
      return state === "superseded" ? "superseded" : (reason as StopCause);
    } catch (error) {
      this.#running = null;
      throw error;
    } finally {
      release?.();
    }
  }

  #onEvent(event: ManagerEvent): void {
    switch (event.type) {
      case "state":
        this.#onState(event.change);
        break;
      case "failed":
        this.#reporter.attemptFailed(event.failedAttempt);
        break;
      case "acked":
        this.#reporter.emit("heartbeatAck", event.ack);
        void this.#profile.sendProfile();
        break;
      case "ready":
        this.#lifecycle.isReady = true;
        void this.#profile.sendProfile();
        this.#reporter.emit("ready", {});
        break;
      case "rotated":
        this.#reporter.emit("rotated", {});
        break;
      case "clock_skew":
        if (!inBrowser) {
          const { clockSkewMs } = event;
          const seconds = Math.round(clockSkewMs / 1000);
          this.#reporter.warn(`the local clock is off by ${seconds} s; corrected`);
          this.#reporter.emit("clockSkew", { clockSkewMs });
        }
        break;
      case "message":
        this.#onMessage(event.message);
        break;
    }
  }

  #onState(change: StateChange): void {
    const ended = this.#lifecycle.entered(change);
    this.#reporter.state(change);
    if (ended) this.#lifecycle.end(change);
  }

  #onMessage(message: ReceivedMessage): void {
    if (message.type === "error") {
      this.#reporter.protocolError(`${message.code}: ${message.message}`);
    } else if (message.type === "message") {
      const bySystem = message.from?.startsWith("event:");
      const drains = this.#remoteDrain && bySystem && message.subject === DRAIN_SUBJECT;
      if (drains) void this.drain();
      else this.#messaging.receive(message);
    }
  }
}

/** What an application holds: handlers, events, requests and the way an agent starts and ends. */

import type { AgentsMessage, ListMessage } from "../../core/protocol";
import type { ReceivedMessage } from "../../core/server-messages";
import { AgentEventReporter } from "./agent-event-reporter";
import type { AgentEvents, RunEnd } from "./agent-events";
import { notConnected } from "./connection/connection";
import { errorOf } from "./connection/failure";
import { type ConnectionHealth, healthBefore, judgeHealth } from "./connection/health";
import type { SigningKey } from "./connection/keys";
import type { ManagerEvent, ManagerPort, StopCause } from "./connection/manager-port";
import { ConnectAttempts, type StartOptions, untilAborted } from "./connection/start";
import { type AgentState, isFinal, type StateChange } from "./connection/state";
import type { HandlerOptions, MessageHandler } from "./messaging/dispatcher";
import { Messaging, type PublishOptions, type RequestOptions } from "./messaging/messaging";
import { type ProfileOptions, ProfilePublisher, profileOf } from "./messaging/profile";
import { type ReplyTo, type Request, Requests } from "./messaging/requests";
import type { ResolvedOptions } from "./options";
import type { AgentEnvironment } from "./platform/agent-environment";
import { inBrowser } from "./platform/in-browser";

/** A message that ends an agent with grace, where its options allow that. */
const DRAIN_SUBJECT = "agent.drain";

/** How long a superseded process takes messages that were on their way when it was superseded. */
const ON_ITS_WAY_MS = 2_000;

/** How long progress may wait for the end of its turn. */
const PROGRESS_MS = 250;

/** Which agents `list()` returns: see `ListMessage`. */
export type ListQuery = {
  [Name in "status" | "cursor" | "limit" | "profiles"]?: ListMessage[Name] | undefined;
};

/** What `HeartbeatAgent` and `SimpleAgent` have in common, on every platform. */
export abstract class Agent {
  readonly agentId: string;
  readonly organizationId: string;
  /** Tells this process from others with the same agent id. */
  readonly instanceId: string;
  readonly #options: ResolvedOptions;
  readonly #environment: AgentEnvironment;
  readonly #news: AgentEventReporter;
  readonly #messaging: Messaging;
  readonly #profile: ProfilePublisher;
  readonly #requests: Requests;
  readonly #attempts: ConnectAttempts;
  /** Resolves with the last change of state. */
  readonly #ended: Promise<StateChange>;
  #resolveEnded: (change: StateChange) => void = () => {};
  #link: ManagerPort | null = null;
  #beginning: Promise<void> | null = null;
  #running: Promise<RunEnd> | null = null;
  #draining: Promise<void> | null = null;
  #stopCause: StopCause | null = null;
  #state: AgentState = "idle";
  #ready = false;
  #activityIsOld = false;
  /** Monotonic: when the link last got the activity. */
  #activityAt = 0;

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
    this.#news = new AgentEventReporter(agentId, options.logger);
    this.#requests = new Requests(environment.runtime);
    this.#attempts = new ConnectAttempts(options.link);
    this.#profile = new ProfilePublisher(
      options.profile,
      (message) => this.#request(message),
      ({ message }) => this.#news.warn(message),
    );
    this.#messaging = new Messaging(
      {
        agentId,
        maxBytes: environment.maxMessageBytes,
        limits: options.messages,
        maxWaiting: options.maxWaiting,
        requestTimeoutMs: options.requestTimeoutMs,
        runtime: environment.runtime,
        scope: environment.taskScope,
        ask: (message, timeoutMs) => this.#request(message, timeoutMs),
      },
      {
        reportFailure: (subject, error) => this.#news.handlerFailed(subject, error),
        reportDrop: (subject, reason) => this.#news.messageDropped(subject, reason),
        subscribed: (patterns) => this.#link?.setSubscriptions(patterns),
        worked: () => this.#refreshActivity(),
      },
    );
  }

  /** Where the agent stands. */
  get state(): AgentState {
    return this.#state;
  }

  /**
   * Calls a handler for every message on a subject, or on all subjects of a pattern (`*` stands for one
   * token, a last `>` for one or more). It gets messages of one subject one after the other, in order;
   * what it returns answers a request, and what it throws is reported.
   *
   * @returns a function that takes the handler away again
   * @throws SubjectError if the pattern is not one.
   * @throws ConfigurationError if an option is out of its limits.
   */
  onMessage<Data = unknown>(
    pattern: string,
    handler: MessageHandler<Data>,
    options: HandlerOptions = {},
  ): () => void {
    // What comes is what the sender makes of it: the type is the caller's word.
    return this.#messaging.onMessage(pattern, handler as MessageHandler, options);
  }

  /**
   * Sends a message to whoever is connected and subscribed, or to one agent: the one in `options.to`, or one that has the
   * capability in `options.capability`. Messages on one subject are sent one after
   * the other, in the order of the calls.
   *
   * @param subject may be undefined where the options name an agent or a capability: it is `direct` then
   * @param data anything that JSON has
   * @returns how many processes it reached
   * @throws SubjectError if the subject is none.
   * @throws ConfigurationError if `to` or `capability` is none, or both are given.
   * @throws MessageError if something in it is not JSON, if it is too large (128 KB with its envelope, 32 KB in a
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
   * Sends a message and waits for what its first handler returns.
   *
   * @throws RemoteError if whoever was asked answers with an error, or was lost before it answered (`receiver_lost`).
   * @throws NoReceiverError if it reaches nobody.
   * @throws RequestTimeoutError if no answer comes in time.
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
   * Marks that the work has advanced, for the next heartbeat to tell: that of the handler that calls; in
   * a browser, and from outside of any handler, that of the one that has run for longest.
   *
   * @param note what to tell of it, at most 64 characters
   */
  progress(note?: string): void {
    this.#messaging.progress(note);
  }

  /**
   * Replaces capabilities and metadata, those that are left out by none. They are told now, or with the
   * next connection.
   *
   * @throws ConfigurationError if the server would not take them.
   */
  setProfile(profile: ProfileOptions): void {
    this.#profile.set(profileOf(profile));
    if (this.#ready) void this.#profile.tell();
  }

  /** @returns a function that takes the listener away again, as `off()` does */
  on<Name extends keyof AgentEvents>(
    name: Name,
    listener: (event: AgentEvents[Name]) => void,
  ): () => void {
    return this.#news.on(name, listener);
  }

  /** Calls a listener for the next event alone. @returns a function that takes it away again */
  once<Name extends keyof AgentEvents>(
    name: Name,
    listener: (event: AgentEvents[Name]) => void,
  ): () => void {
    return this.#news.on(name, listener, true);
  }

  /** Takes a listener away, however often it was added. */
  off<Name extends keyof AgentEvents>(
    name: Name,
    listener: (event: AgentEvents[Name]) => void,
  ): void {
    this.#news.off(name, listener);
  }

  /** Every change of state from now on, up to and including the last. */
  stateChanges(): AsyncIterableIterator<StateChange> {
    return this.#news.stateChanges(isFinal(this.#state));
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
      return this.#attempts.error(reason);
    });
  }

  async #start(): Promise<void> {
    await this.#begin();
    if (this.#ready) return;
    let stopListening = () => {};
    const ready = new Promise<void>((resolve) => {
      stopListening = this.#news.on("ready", () => resolve());
    });
    const end = await Promise.race([ready, this.#ended]);
    stopListening();
    if (end) throw end.failure ? errorOf(this.agentId, end.failure) : notConnected(this.agentId);
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

  /**
   * Ends at once: handlers that run are left to themselves. Resolves when the connection is closed. A handler that has
   * called `drain()` before has its answer sent first.
   */
  async stop(): Promise<void> {
    if (this.#messaging.isLeaving) return;
    this.#messaging.close();
    await this.#stop("stop");
  }

  /**
   * Ends with grace: heartbeats say `draining`, no further handler starts, those that run may finish
   * within `drainTimeout`; then the connection is closed and the agent is offline as `drained`. Called in a handler (in a
   * browser: before it awaits anything), it resolves when all others have finished: the agent ends after the handler that
   * called.
   */
  drain(): Promise<void> {
    this.#draining ??= this.#drain();
    const others = this.#messaging.othersEnd();
    return others ? Promise.race([others, this.#draining]) : this.#draining;
  }

  /**
   * Tries soon what would be tried later: for those who know that the network is back. Within `reconnect.baseDelay` (1 s) an
   * agent that waits for its next attempt makes it, unless the service asked it to wait; an open connection is asked for a
   * sign of life. Pages need not call it: the agent does when the browser is online or visible again.
   */
  reconnect(): void {
    this.#link?.reconnect();
  }

  getConnectionHealth(): ConnectionHealth {
    const health = this.#link?.health() ?? healthBefore(this.#state);
    return judgeHealth(health, this.#environment.runtime.monotonic());
  }

  /**
   * A page of the organization's agents, with their derived status.
   *
   * @throws ConnectionError if there is no connection.
   * @throws RequestRefusedError if the server refuses.
   * @throws RequestTimeoutError if no reply comes.
   */
  async list(query: ListQuery = {}): Promise<AgentsMessage> {
    return this.#request<ListMessage>({ type: "list", ...(query as Omit<ListMessage, "type">) });
  }

  #request<Message extends Request>(
    message: Message,
    timeoutMs: number = this.#options.requestTimeoutMs,
  ): Promise<ReplyTo<Message>> {
    const link = this.#link;
    if (!link || isFinal(this.#state)) return Promise.reject(notConnected(this.agentId));
    return this.#requests.request(message, timeoutMs, (m) => link.send(m));
  }

  #begin(): Promise<void> {
    const { key } = this.#environment;
    const loadKey = () => this.#attempts.load(key);
    // A function may fail for a while: only logins wait for it.
    this.#beginning ??= Promise.resolve(key.isFunction || loadKey()).then(
      () => this.#openLink(loadKey),
      (error) => {
        this.#beginning = null;
        throw error;
      },
    );
    return this.#beginning;
  }

  #openLink(loadKey: () => Promise<SigningKey>): void {
    const options = { ...this.#options.link, loadKey };
    const link = this.#environment.createManager(options, (event) => this.#hear(event));
    this.#link = link;
    link.setSubscriptions(this.#messaging.patterns);
    if (this.#stopCause) link.stop(this.#stopCause);
    else link.start();
  }

  async #run(): Promise<RunEnd> {
    const release = this.#environment.onSignal?.(this);
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
    this.#messaging.close();
    this.#link?.setActivity(this.#messaging.activity(true));
    this.#link?.drain();
    await this.#finish();
  }

  /** @param lingerMs how long messages are still taken that were on their way */
  async #finish(lingerMs = 0): Promise<void> {
    if (this.#link) {
      const over = this.#after(this.#options.drainTimeoutMs);
      if (lingerMs > 0) await Promise.race([over, this.#after(lingerMs)]);
      this.#messaging.refuse();
      await Promise.race([over, this.#messaging.idle()]);
    }
    // What still waits is refused while its answer can be sent.
    this.#messaging.close();
    await this.#stop("drained");
  }

  /** Resolves after a time, or when the agent has ended. */
  #after(ms: number): Promise<void> {
    const { runtime } = this.#environment;
    return new Promise((resolve) => {
      const timer = runtime.setTimeout(resolve, ms);
      void this.#ended.then(() => {
        runtime.clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Once a turn, however many handlers begin and end in it. */
  #refreshActivity(): void {
    const now = this.#environment.runtime.monotonic();
    // Work that never lets go of the event loop would have its progress wait for its own end.
    if (this.#activityIsOld && now - this.#activityAt >= PROGRESS_MS) this.#sendActivity(now);
    if (this.#activityIsOld) return;
    this.#activityIsOld = true;
    queueMicrotask(() => {
      this.#activityIsOld = false;
      this.#sendActivity(this.#environment.runtime.monotonic());
    });
  }

  #sendActivity(now: number): void {
    this.#activityAt = now;
    this.#link?.setActivity(this.#messaging.activity(this.#draining !== null));
  }

  #hear(event: ManagerEvent): void {
    switch (event.type) {
      case "state":
        this.#hearState(event.change);
        break;
      case "failed":
        this.#attempts.note(event.failedAttempt.failure);
        this.#news.attemptFailed(event.failedAttempt);
        break;
      case "acked":
        this.#news.emit("heartbeatAck", event.ack);
        void this.#profile.tell();
        break;
      case "ready":
        this.#ready = true;
        void this.#profile.tell();
        this.#news.emit("ready", {});
        break;
      case "broken":
        this.#requests.fail(notConnected(this.agentId));
        break;
      case "rotated":
        this.#news.emit("rotated", {});
        break;
      case "clock_skew":
        if (!inBrowser) {
          const { clockSkewMs } = event;
          const seconds = Math.round(clockSkewMs / 1000);
          this.#news.warn(`the local clock is off by ${seconds} s; corrected`);
          this.#news.emit("clockSkew", { clockSkewMs });
        }
        break;
      case "message":
        this.#hearMessage(event.message);
        break;
      case "unsent":
        this.#requests.fail(notConnected(this.agentId), event.message.id);
        break;
    }
  }

  #hearState(change: StateChange): void {
    this.#state = change.state;
    if (change.state === "reconnecting") this.#ready = false;
    if (change.state === "draining" && change.reason === "superseded") {
      this.#ready = false;
      this.#draining ??= this.#finish(ON_ITS_WAY_MS);
    }
    this.#news.state(change);
    if (!isFinal(change.state)) return;
    this.#ready = false;
    this.#requests.fail(notConnected(this.agentId));
    this.#messaging.end();
    this.#resolveEnded(change);
  }

  #hearMessage(message: ReceivedMessage): void {
    if (this.#requests.settle(message)) return;
    if (message.type === "error") {
      this.#news.protocolError(`${message.code}: ${message.message}`);
    } else if (message.type === "message") {
      const bySystem = message.from?.startsWith("event:");
      const drains = this.#options.remoteDrain && bySystem && message.subject === DRAIN_SUBJECT;
      if (drains) void this.drain();
      else this.#messaging.receive(message);
    }
  }
}

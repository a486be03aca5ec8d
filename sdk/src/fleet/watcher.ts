/** Keeps a map of the fleet current: subscribes to changes, lists the agents, and expires leases. */

import { AGENT_WATCHES_STATUS } from "../../../core/login-claims";
import type {
  AgentPresence,
  MassExpiry,
  OnlineCount,
  Transition,
  TransitionRecord,
} from "../../../core/presence";
import type { HistoryMessage } from "../../../core/protocol";
import { type ReceivedMessage, readTransition } from "../../../core/server-messages";
import { agentToken, RESERVED } from "../../../core/subject";
import { ClientConnection } from "../connection/client-connection";
import { notConnected } from "../connection/connection";
import { errorOf } from "../connection/failure";
import type { ManagerEvent } from "../connection/manager-port";
import { ServerClock } from "../connection/server-clock";
import { type StartOptions, untilAborted } from "../connection/start";
import { type Failure, isFinal, type StateChange } from "../connection/state";
import { ConnectionError, LoginRefusedError } from "../errors";
import type { Logger } from "../options";
import type { AgentEnvironment } from "../platform/agent-environment";
import type { Runtime } from "../platform/runtime";
import { describe } from "../user-code";
import { FleetBook, presenceOf } from "./book";
import { FleetEventReporter } from "./event-reporter";
import type { FleetEvents, FleetState } from "./events";
import { ListingSchedule } from "./listing";
import type { ResolvedWatcherOptions } from "./options";
import { FleetPages } from "./pages";

/** How long to wait for a list before a lease counts as expired: it may just have been renewed. */
const DOUBT_MS = 2_000;

/** What `FleetWatcher` is on every platform. */
export abstract class Watcher {
  readonly agentId: string;
  readonly organizationId: string;
  readonly #logger: Logger;
  readonly #runtime: Runtime;
  readonly #events: FleetEventReporter;
  readonly #connection: ClientConnection;
  readonly #pages: FleetPages;
  readonly #book = new FleetBook();
  readonly #schedule: ListingSchedule;
  readonly #clock: ServerClock;
  #starting: Promise<void> | null = null;
  #settleStart: { resolve(): void; reject(error: unknown): void } | null = null;
  #ended: (() => void)[] = [];
  /** Subscribed, so that a list that begins now misses nothing. */
  #ready = false;
  /** Agents with a change since the list began, which the list may not contain yet. Null while there is no list in progress. */
  #updatedMeanwhile: Set<string> | null = null;
  #timer: unknown = null;
  #lastUpdateAt: number | null = null;

  protected constructor(options: ResolvedWatcherOptions, environment: AgentEnvironment) {
    const { agentId, organizationId } = options.managerOptions.login;
    const { runtime } = environment;
    this.agentId = agentId;
    this.organizationId = organizationId;
    this.#logger = options.logger;
    this.#runtime = runtime;
    this.#events = new FleetEventReporter(agentId, options.logger);
    this.#schedule = new ListingSchedule(runtime);
    this.#clock = new ServerClock(runtime);
    const connection = new ClientConnection(options, environment, (event) => this.#onEvent(event));
    this.#connection = connection;
    this.#pages = new FleetPages(agentId, options.profiles, connection, this.#clock, runtime);
  }

  get state(): FleetState {
    return this.#events.state;
  }

  /** Every agent once, by its id, with its status as of now. The map is the same one at every call. */
  get agents(): ReadonlyMap<string, AgentPresence> {
    const changes = this.#book.expire(this.#readingTime());
    // Not in the caller's turn, who only reads.
    if (changes.length > 0) queueMicrotask(() => this.#events.changes(changes));
    return this.#book.agents;
  }

  /** The time of the last update, by the server's clock; null before the first list. */
  get lastUpdateAt(): number | null {
    return this.#lastUpdateAt;
  }

  /**
   * The mass expiry that the service suspected at the last list: so many agents fell silent at once that it withholds
   * their offline events. Null if none.
   */
  get massExpiry(): MassExpiry | null {
    return this.#events.massExpiry;
  }

  /** Epoch milliseconds by the server's clock, as well as it is known. All times are by this clock. */
  serverNow(): number {
    const skewMs = this.#connection.manager?.health().clockSkewMs;
    return typeof skewMs === "number" ? this.#runtime.now() - skewMs : this.#clock.now();
  }

  /** @returns a function that removes the listener, as `off()` does */
  on<Name extends keyof FleetEvents>(
    name: Name,
    listener: (event: FleetEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  /** Calls a listener for the next event only. @returns a function that removes it */
  once<Name extends keyof FleetEvents>(
    name: Name,
    listener: (event: FleetEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener, true);
  }

  /** Removes a listener, however often it was added. */
  off<Name extends keyof FleetEvents>(
    name: Name,
    listener: (event: FleetEvents[Name]) => void,
  ): void {
    this.#events.off(name, listener);
  }

  /**
   * Connects and stays connected in the background.
   *
   * @returns when every agent of the organization is in the map
   * @throws KeyError if the private key is unusable.
   * @throws LoginRefusedError if the key is an agent's. The watcher then stops: an agent has `agent.fleet`.
   * @throws ConnectionError if it is stopped before.
   * @throws StartAbortedError if the signal is aborted before. The watcher then stops.
   */
  start({ signal }: StartOptions = {}): Promise<void> {
    return untilAborted(this.#start(), signal, (reason) => {
      void this.stop();
      return this.#connection.attempts.error(reason);
    });
  }

  #start(): Promise<void> {
    this.#starting ??= new Promise((resolve, reject) => {
      this.#settleStart = { resolve, reject };
      if (this.state === "stopped") reject(notConnected(this.agentId));
      else this.#open().catch((error) => this.#end(error));
    });
    this.#starting.catch(() => {});
    return this.#starting;
  }

  /**
   * Makes the next attempt sooner. Call it if you know that the network is back. Within `reconnect.baseDelay` (1 s), a
   * watcher that waits for its next attempt makes it, unless the service asked it to wait; an open connection is
   * probed. Pages need not call it: the watcher does when the browser is online or visible again.
   */
  reconnect(): void {
    this.#connection.manager?.reconnect();
  }

  /** Ends for good. Resolves when the connection is closed. */
  async stop(): Promise<void> {
    if (this.state === "stopped") return;
    const { manager } = this.#connection;
    if (!manager) return this.#end();
    const ended = new Promise<void>((resolve) => this.#ended.push(resolve));
    manager.stop("stop");
    await ended;
  }

  /**
   * An agent's last transitions, newest first, at most 50.
   *
   * @throws ConnectionError if there is no connection.
   * @throws RequestRefusedError if the server refuses.
   * @throws RequestTimeoutError if no reply arrives.
   */
  async history(agentId: string): Promise<TransitionRecord[]> {
    return (await this.#connection.request<HistoryMessage>({ type: "history", agentId }))
      .transitions;
  }

  /**
   * How many agents were online at each sweep of the last day, oldest first: at most one count every four minutes.
   *
   * @throws ConnectionError if there is no connection.
   * @throws RequestRefusedError if the server refuses.
   * @throws RequestTimeoutError if no reply arrives.
   */
  async counts(): Promise<OnlineCount[]> {
    return (await this.#connection.request<HistoryMessage>({ type: "history" })).counts ?? [];
  }

  async #open(): Promise<void> {
    this.#events.enter("connecting");
    await this.#connection.prepare();
    if (this.state !== "stopped") this.#connection.open([`${RESERVED.presence}.>`]).start();
  }

  #onEvent(event: ManagerEvent): void {
    switch (event.type) {
      case "state":
        this.#onState(event.change);
        break;
      case "failed":
        this.#onFailure(event.failedAttempt.failure);
        break;
      case "ready":
        this.#ready = true;
        this.#schedule.sendNow();
        this.#work();
        break;
      case "broken":
        this.#pages.broken();
        break;
      case "message":
        this.#onMessage(event.message);
        break;
    }
  }

  #onFailure(failure: Failure): void {
    if (failure.status === AGENT_WATCHES_STATUS) {
      this.#refuse(failure);
      return;
    }
    this.#logger.warn(errorOf(this.agentId, failure).message);
    this.#events.failed(failure);
  }

  /** The key is an agent's, so further attempts are useless. */
  #refuse(failure: Failure): void {
    const message = `${this.agentId}: expected the key of a viewer, got that of an agent: an agent watches by its own agent.fleet`;
    this.#logger.error(message);
    this.#events.enter("stopped", { ...failure, message });
    this.#end(new LoginRefusedError(message, AGENT_WATCHES_STATUS));
    this.#connection.manager?.stop("stop");
  }

  #onState({ state, failure }: StateChange): void {
    if (state === "connected") return;
    this.#ready = false;
    // Superseded: there is no work to finish.
    if (state === "draining") this.#connection.manager?.stop("stop");
    if (isFinal(state)) this.#end(failure && errorOf(this.agentId, failure));
    else if (this.state === "live") this.#events.enter("stale", failure);
    this.#work();
  }

  #onMessage(message: ReceivedMessage): void {
    if (message.type === "error") {
      this.#logger.warn(`${this.agentId}: ${message.message}`);
    }
    if (message.type !== "message") return;
    const transition = readTransition(message.data);
    if (!transition) return;
    if (message.subject !== `${RESERVED.presence}.${agentToken(transition.agentId)}`) return;
    this.#updatedMeanwhile?.add(transition.agentId);
    if (this.state === "live") this.#lastUpdateAt = this.serverNow();
    this.#take(presenceOf(transition), transition);
    this.#work();
  }

  /** Runs whatever is due, and sets the timer for the next action. */
  #work(): void {
    const runtime = this.#runtime;
    runtime.clearTimeout(this.#timer);
    if (this.state === "idle" || this.state === "stopped") return;
    this.#events.changes(this.#book.expire(this.#readingTime()));
    const now = runtime.monotonic();
    if (this.state === "live" && this.#schedule.overdueAt <= now) this.#events.enter("stale");
    const leaseEnd = now + this.#book.nextLeaseEnd - this.serverNow();
    const waits = [leaseEnd + (this.#ready ? DOUBT_MS : 0)];
    if (this.state === "live") waits.push(this.#schedule.overdueAt);
    if (this.#ready && !this.#updatedMeanwhile) {
      const listAt = this.#schedule.dueAt(leaseEnd);
      if (listAt <= now) void this.#list();
      else waits.push(listAt);
    }
    const next = Math.min(...waits);
    if (next === Number.POSITIVE_INFINITY) return;
    this.#timer = runtime.setTimeout(() => this.#work(), Math.max(0, next - now));
  }

  async #list(): Promise<void> {
    const seen = new Set<string>();
    this.#updatedMeanwhile = seen;
    this.#schedule.started(this.#runtime.monotonic());
    try {
      let pages = 0;
      for await (const page of this.#pages.read()) {
        if (pages === 0) this.#events.suspected(page.massExpiry ?? null);
        for (const presence of page.agents) {
          seen.add(presence.agentId);
          this.#take(presence, null);
        }
        pages += 1;
      }
      this.#events.changes(this.#book.keep(seen));
      this.#schedule.completed(pages);
      this.#lastUpdateAt = this.serverNow();
      this.#events.enter("live");
      this.#settleStart?.resolve();
    } catch (error) {
      // Not for want of a connection: the next one begins with a list anyway.
      if (error instanceof ConnectionError) this.#schedule.sendNow();
      else {
        this.#logger.warn(`${this.agentId}: the fleet could not be listed: ${describe(error)}`);
        this.#schedule.failed();
      }
    }
    this.#updatedMeanwhile = null;
    this.#work();
  }

  #take(presence: AgentPresence, transition: Transition | null): void {
    const change = this.#book.take(presence, transition, this.#readingTime());
    if (change) this.#events.changes([change]);
  }

  /** The time at which leases are evaluated: slightly in the past while a list can still contain a renewal. */
  #readingTime(): number {
    return this.serverNow() - (this.#ready ? DOUBT_MS : 0);
  }

  #end(error: unknown = notConnected(this.agentId)): void {
    this.#runtime.clearTimeout(this.#timer);
    this.#events.enter("stopped");
    this.#settleStart?.reject(error);
    for (const resolve of this.#ended.splice(0)) resolve();
  }
}

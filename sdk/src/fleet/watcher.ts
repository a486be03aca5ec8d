/** A fleet as it is now, in a map: subscribes to what changes, lists what is, and watches the leases. */

import { LIMITS } from "../../../core/limits";
import { AGENT_WATCHES_STATUS } from "../../../core/login-claims";
import type {
  AgentPresence,
  MassExpiry,
  OnlineCount,
  Transition,
  TransitionRecord,
} from "../../../core/presence";
import type { AgentsMessage, HistoryMessage, ListMessage } from "../../../core/protocol";
import { type ReceivedMessage, readTransition } from "../../../core/server-messages";
import { agentToken, RESERVED } from "../../../core/subject";
import { notConnected } from "../connection/connection";
import { errorOf } from "../connection/failure";
import type { ManagerEvent, ManagerPort } from "../connection/manager-port";
import { ServerClock } from "../connection/server-clock";
import { ConnectAttempts, type StartOptions, untilAborted } from "../connection/start";
import { type Failure, isFinal, type StateChange } from "../connection/state";
import { Emitter } from "../emitter";
import { ConnectionError, LoginRefusedError, RequestRefusedError } from "../errors";
import { type ReplyTo, type Request, Requests } from "../messaging/requests";
import type { AgentEnvironment } from "../platform/agent-environment";
import { describe } from "../user-code";
import { FleetBook, type FleetChange, presenceOf } from "./book";
import { ListingSchedule } from "./listing";
import type { ResolvedWatcherOptions } from "./options";

/** So many agents with their profiles fit into one message. */
const PAGE_WITH_PROFILES = 25;

/** How long a list of very many pages pauses when the service has had enough of them for now. */
const PACE_MS = 1_000;

/** A lease that has run out may have been renewed in the moment before: a list is asked first, so long. */
const DOUBT_MS = 2_000;

/**
 * How current the map is.
 *
 * - `idle`: not started.
 * - `connecting`: the first full list is not there yet.
 * - `live`: every change is shown as soon as it is published.
 * - `stale`: not connected, or no list succeeds: what is shown may be old.
 * - `stopped`: ended.
 */
export type FleetState = "idle" | "connecting" | "live" | "stale" | "stopped";

/** Events of a fleet's watcher. */
export interface FleetEvents {
  /** An agent appeared, disappeared or changed, or the service published a transition. */
  change: FleetChange;
  /** The state changed, or a further attempt to connect failed in it. */
  state: { state: FleetState; failure?: Failure };
  /** The service began to suspect itself of not hearing its agents, or, with null, does no longer. */
  massExpiry: MassExpiry | null;
}

/** What `FleetWatcher` is on every platform. */
export abstract class Watcher {
  readonly agentId: string;
  readonly organizationId: string;
  readonly #options: ResolvedWatcherOptions;
  readonly #environment: AgentEnvironment;
  readonly #events: Emitter<FleetEvents>;
  readonly #requests: Requests;
  readonly #attempts: ConnectAttempts;
  readonly #book = new FleetBook();
  readonly #schedule: ListingSchedule;
  readonly #clock: ServerClock;
  #manager: ManagerPort | null = null;
  #state: FleetState = "idle";
  #starting: Promise<void> | null = null;
  #settleStart: { resolve(): void; reject(error: unknown): void } | null = null;
  #ended: (() => void)[] = [];
  /** Subscribed, so that a list that begins now misses nothing. */
  #ready = false;
  /** Told of since the list began: a list need not have it yet. Null while none is under way. */
  #updatedMeanwhile: Set<string> | null = null;
  /** How many connections have broken. */
  #breaks = 0;
  #timer: unknown = null;
  #lastUpdateAt: number | null = null;
  #reportedFailure: Failure | null = null;
  #massExpiry: MassExpiry | null = null;

  protected constructor(options: ResolvedWatcherOptions, environment: AgentEnvironment) {
    const { agentId, organizationId } = options.link.login;
    const { runtime } = environment;
    this.agentId = agentId;
    this.organizationId = organizationId;
    this.#options = options;
    this.#environment = environment;
    this.#events = new Emitter((error) =>
      options.logger.error(`${agentId}: a listener failed: ${describe(error)}`),
    );
    this.#requests = new Requests(runtime);
    this.#attempts = new ConnectAttempts(options.link);
    this.#schedule = new ListingSchedule(() => runtime.random());
    this.#clock = new ServerClock(runtime);
  }

  get state(): FleetState {
    return this.#state;
  }

  /** Every agent once, by its id, with its status as of now. The map is the same one at every call. */
  get agents(): ReadonlyMap<string, AgentPresence> {
    const changes = this.#book.expire(this.#readingTime());
    // Not in the caller's turn, who only reads.
    if (changes.length > 0) queueMicrotask(() => this.#emitChanges(changes));
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
    return this.#massExpiry;
  }

  /** Epoch milliseconds by the server's clock, as well as it is known: the clock of all times shown. */
  serverNow(): number {
    const skewMs = this.#manager?.health().clockSkewMs;
    return typeof skewMs === "number"
      ? this.#environment.runtime.now() - skewMs
      : this.#clock.now();
  }

  /** @returns a function that takes the listener away again, as `off()` does */
  on<Name extends keyof FleetEvents>(
    name: Name,
    listener: (event: FleetEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  /** Calls a listener for the next event alone. @returns a function that takes it away again */
  once<Name extends keyof FleetEvents>(
    name: Name,
    listener: (event: FleetEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener, true);
  }

  /** Takes a listener away, however often it was added. */
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
      return this.#attempts.error(reason);
    });
  }

  #start(): Promise<void> {
    this.#starting ??= new Promise((resolve, reject) => {
      this.#settleStart = { resolve, reject };
      if (this.#state === "stopped") reject(notConnected(this.agentId));
      else this.#open().catch((error) => this.#end(error));
    });
    this.#starting.catch(() => {});
    return this.#starting;
  }

  /**
   * Tries soon what would be tried later: for those who know that the network is back. Within `reconnect.baseDelay` (1 s) a
   * watcher that waits for its next attempt makes it, unless the service asked it to wait; an open connection is asked for a
   * sign of life. Pages need not call it: the watcher does when the browser is online or visible again.
   */
  reconnect(): void {
    this.#manager?.reconnect();
  }

  /** Ends for good. Resolves when the connection is closed. */
  async stop(): Promise<void> {
    if (this.#state === "stopped") return;
    const link = this.#manager;
    if (!link) return this.#end();
    const ended = new Promise<void>((resolve) => this.#ended.push(resolve));
    link.stop("stop");
    await ended;
  }

  /**
   * An agent's last transitions, newest first, at most 50.
   *
   * @throws ConnectionError if there is no connection.
   * @throws RequestRefusedError if the server refuses.
   * @throws RequestTimeoutError if no reply comes.
   */
  async history(agentId: string): Promise<TransitionRecord[]> {
    return (await this.#request<HistoryMessage>({ type: "history", agentId })).transitions;
  }

  /**
   * How many agents were online at each sweep of the last day, oldest first: at most one count every four minutes.
   *
   * @throws ConnectionError if there is no connection.
   * @throws RequestRefusedError if the server refuses.
   * @throws RequestTimeoutError if no reply comes.
   */
  async counts(): Promise<OnlineCount[]> {
    return (await this.#request<HistoryMessage>({ type: "history" })).counts ?? [];
  }

  async #open(): Promise<void> {
    this.#enter("connecting");
    const { key } = this.#environment;
    const loadKey = () => this.#attempts.load(key);
    // A function may fail for a while: only logins wait for it.
    if (!key.isFunction) await loadKey();
    if (this.state === "stopped") return;
    const options = { ...this.#options.link, loadKey };
    this.#manager = this.#environment.createManager(options, (event) => this.#onEvent(event));
    this.#manager.setSubscriptions([`${RESERVED.presence}.>`]);
    this.#manager.start();
  }

  #request<Message extends Request>(message: Message): Promise<ReplyTo<Message>> {
    const link = this.#manager;
    if (!link || this.#state === "stopped") return Promise.reject(notConnected(this.agentId));
    return this.#requests.request(message, this.#options.requestTimeoutMs, (m) => link.send(m));
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
        this.#breaks += 1;
        this.#requests.fail(notConnected(this.agentId));
        break;
      case "message":
        this.#onMessage(event.message);
        break;
      case "unsent":
        this.#requests.fail(notConnected(this.agentId), event.message.id);
        break;
    }
  }

  #onFailure(failure: Failure): void {
    if (failure.status === AGENT_WATCHES_STATUS) {
      this.#refuse(failure);
      return;
    }
    this.#attempts.note(failure);
    this.#options.logger.warn(errorOf(this.agentId, failure).message);
    // The end of a connection was reported with the change of state.
    if (failure !== this.#reportedFailure) this.#reportFailure(failure);
  }

  /** The key is an agent's, which no further attempt changes. */
  #refuse(failure: Failure): void {
    const message = `${this.agentId}: expected the key of a viewer, got that of an agent: an agent watches by its own agent.fleet`;
    this.#options.logger.error(message);
    this.#enter("stopped", { ...failure, message });
    this.#end(new LoginRefusedError(message, AGENT_WATCHES_STATUS));
    this.#manager?.stop("stop");
  }

  #onState({ state, failure }: StateChange): void {
    if (state === "connected") return;
    this.#ready = false;
    // Superseded: there is no work to finish.
    if (state === "draining") this.#manager?.stop("stop");
    if (isFinal(state)) this.#end(failure && errorOf(this.agentId, failure));
    else if (this.#state === "live") this.#enter("stale", failure);
    this.#work();
  }

  #onMessage(message: ReceivedMessage): void {
    if (this.#requests.settle(message)) return;
    if (message.type === "error") {
      this.#options.logger.warn(`${this.agentId}: ${message.message}`);
    }
    if (message.type !== "message") return;
    const transition = readTransition(message.data);
    if (!transition) return;
    if (message.subject !== `${RESERVED.presence}.${agentToken(transition.agentId)}`) return;
    this.#updatedMeanwhile?.add(transition.agentId);
    if (this.#state === "live") this.#lastUpdateAt = this.serverNow();
    this.#take(presenceOf(transition), transition);
    this.#work();
  }

  /** Runs whatever is due, and sets the timer for the next action. */
  #work(): void {
    const { runtime } = this.#environment;
    runtime.clearTimeout(this.#timer);
    if (this.#state === "idle" || this.#state === "stopped") return;
    this.#emitChanges(this.#book.expire(this.#readingTime()));
    const now = runtime.monotonic();
    if (this.#state === "live" && this.#schedule.overdueAt <= now) this.#enter("stale");
    const leaseEnd = now + this.#book.nextLeaseEnd - this.serverNow();
    const waits = [leaseEnd + (this.#ready ? DOUBT_MS : 0)];
    if (this.#state === "live") waits.push(this.#schedule.overdueAt);
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
    const { logger, profiles } = this.#options;
    const seen = new Set<string>();
    this.#updatedMeanwhile = seen;
    this.#schedule.started(this.#environment.runtime.monotonic());
    try {
      const limit = profiles ? PAGE_WITH_PROFILES : LIMITS.listPageSize;
      let cursor: string | null = null;
      let pages = 0;
      do {
        const page: AgentsMessage = await this.#page({
          type: "list",
          limit,
          ...(profiles && { profiles }),
          ...(cursor !== null && { cursor }),
        });
        if (cursor === null) this.#onMassExpiry(page.massExpiry ?? null);
        for (const presence of page.agents) {
          seen.add(presence.agentId);
          this.#take(presence, null);
        }
        cursor = page.cursor;
        pages += 1;
      } while (cursor !== null);
      this.#emitChanges(this.#book.keep(seen));
      this.#schedule.completed(pages);
      this.#lastUpdateAt = this.serverNow();
      this.#enter("live");
      this.#settleStart?.resolve();
    } catch (error) {
      // Not for want of a connection: the next one begins with a list anyway.
      if (error instanceof ConnectionError) this.#schedule.sendNow();
      else {
        logger.warn(`${this.agentId}: the fleet could not be listed: ${describe(error)}`);
        this.#schedule.failed();
      }
    }
    this.#updatedMeanwhile = null;
    this.#work();
  }

  #onMassExpiry(massExpiry: MassExpiry | null): void {
    if (massExpiry?.suspectedAt === this.#massExpiry?.suspectedAt) return;
    this.#massExpiry = massExpiry;
    this.#events.emit("massExpiry", massExpiry);
  }

  /** A page of a list. If the rate limit refuses it, it is requested again. */
  async #page(message: ListMessage): Promise<AgentsMessage> {
    const breaks = this.#breaks;
    for (;;) {
      try {
        return await this.#pageNow(message);
      } catch (error) {
        if (!(error instanceof RequestRefusedError && error.code === "rate_limited")) throw error;
      }
      await new Promise<void>((resolve) => {
        this.#environment.runtime.setTimeout(resolve, PACE_MS);
      });
      // Changes published in between were missed.
      if (breaks !== this.#breaks) throw notConnected(this.agentId);
    }
  }

  async #pageNow(message: ListMessage): Promise<AgentsMessage> {
    const { runtime } = this.#environment;
    const sentAt = runtime.monotonic();
    const page = await this.#request(message);
    this.#clock.learnFromAck(page.serverTime, runtime.monotonic() - sentAt);
    return page;
  }

  #take(presence: AgentPresence, transition: Transition | null): void {
    const change = this.#book.take(presence, transition, this.#readingTime());
    if (change) this.#emitChanges([change]);
  }

  #emitChanges(changes: FleetChange[]): void {
    for (const change of changes) this.#events.emit("change", change);
  }

  /** As of when leases are judged: a little in the past, while a list can still contain a renewal. */
  #readingTime(): number {
    return this.serverNow() - (this.#ready ? DOUBT_MS : 0);
  }

  #enter(state: FleetState, failure?: Failure): void {
    if (state === this.#state || this.#state === "stopped") return;
    this.#state = state;
    if (failure) this.#reportFailure(failure);
    else this.#events.emit("state", { state });
  }

  #reportFailure(failure: Failure): void {
    this.#reportedFailure = failure;
    this.#events.emit("state", { state: this.#state, failure });
  }

  #end(error: unknown = notConnected(this.agentId)): void {
    this.#environment.runtime.clearTimeout(this.#timer);
    this.#requests.fail(notConnected(this.agentId));
    this.#enter("stopped");
    this.#settleStart?.reject(error);
    for (const resolve of this.#ended.splice(0)) resolve();
  }
}

/**
 * Holds the page's state as one immutable snapshot. Frequent changes are batched, so that the page
 * re-renders a few times a second at most.
 */

import type { AgentPresence, MassExpiry, OnlineCount } from "@agent-heartbeat/sdk/protocol";
import type { Clock } from "../time/clock";
import { EventLog, type FleetEvent } from "./event-log";
import type { FleetFailure, FleetPort, FleetState } from "./fleet-port";
import { countHealths, type HealthCounts, onlineOf } from "./health";
import { type History, HistoryCache } from "./history-cache";
import { type MassLoss, MassLossDetector } from "./mass-loss";
import { STEP_MS, TrendLog, type TrendPoint } from "./trend-log";

export interface FleetSnapshot {
  state: FleetState;
  /** Why the page is disconnected, if known. */
  failure: FleetFailure | null;
  /** Whether the whole fleet has been listed at least once. */
  loaded: boolean;
  /**
   * When the data was last known to be current, by the server's clock. Null before the first list.
   */
  lastUpdateAt: number | null;
  agents: readonly AgentPresence[];
  counts: HealthCounts;
  events: readonly FleetEvent[];
  histories: ReadonlyMap<string, History>;
  massLoss: MassLoss | null;
  /** The mass expiry that the service suspects: it withholds the offline events of these agents. */
  massExpiry: MassExpiry | null;
}

/** Whether the data may be out of date. */
export const isStale = ({ state }: Pick<FleetSnapshot, "state">): boolean => state !== "live";

/**
 * Pause between two snapshots, in milliseconds. It grows with the fleet, as sorting and drawing do.
 */
const pauseFor = (agents: number): number => Math.min(1000, Math.max(250, agents / 10));

const NOTHING: FleetSnapshot = {
  state: "connecting",
  failure: null,
  loaded: false,
  lastUpdateAt: null,
  agents: [],
  counts: countHealths([]),
  events: [],
  histories: new Map(),
  massLoss: null,
  massExpiry: null,
};

export class FleetStore {
  readonly #fleet: FleetPort;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  readonly #eventListeners = new Set<(event: FleetEvent) => void>();
  readonly #log = new EventLog();
  readonly #trends = new TrendLog();
  readonly #massLoss = new MassLossDetector();
  readonly #historyCache: HistoryCache;
  #failure: FleetFailure | null = null;
  #snapshot = NOTHING;
  #flush: unknown;
  #lastFlushAt = Number.NEGATIVE_INFINITY;
  #sampling: unknown;

  constructor(fleet: FleetPort, clock: Clock) {
    this.#fleet = fleet;
    this.#clock = clock;
    this.#historyCache = new HistoryCache({
      fetch: (agentId) => fleet.history(agentId),
      onChange: () => this.#scheduleSnapshot(),
    });
    fleet.on("state", ({ state, failure }) => {
      this.#failure = state === "live" ? null : (failure ?? this.#failure);
      this.#scheduleSnapshot();
    });
    fleet.on("massExpiry", () => this.#scheduleSnapshot());
    fleet.on("change", (change) => {
      const event = this.#log.record(change, fleet.serverNow());
      if (event) this.#handleEvent(event);
      this.#scheduleSnapshot();
    });
  }

  /** Starts watching. Later failures appear in the snapshot. */
  start(): void {
    this.#sampleTrend();
    this.#fleet.start().then(
      () => this.#scheduleSnapshot(),
      (error: Error) => {
        this.#failure = { message: error.message };
        this.#scheduleSnapshot();
      },
    );
  }

  stop(): void {
    this.#clock.clearTimeout(this.#sampling);
    this.#fleet.stop();
    this.#scheduleSnapshot();
  }

  /** The server's time. */
  readonly now = (): number => this.#fleet.serverNow();

  readonly getSnapshot = (): FleetSnapshot => this.#snapshot;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Calls the listener for every event. Returns a function that unsubscribes. */
  onEvent(listener: (event: FleetEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  /** One point per five seconds, oldest first. Growth does not notify subscribers. */
  get trend(): readonly TrendPoint[] {
    return this.#trends.points;
  }

  readonly requestHistories = (agentIds: Iterable<string>): void =>
    this.#historyCache.request(agentIds);

  /** How many agents were online at each sweep of the last day, oldest first. */
  readonly day = (): Promise<OnlineCount[]> => this.#fleet.counts();

  readonly dismissLoss = (): void => {
    this.#massLoss.dismiss(this.now());
    this.#scheduleSnapshot();
  };

  #handleEvent(event: FleetEvent): void {
    this.#trends.count(this.now(), event.event);
    this.#massLoss.add(event);
    this.#historyCache.add(event);
    for (const listener of this.#eventListeners) listener(event);
  }

  /** The first change after a pause is shown at once. Changes that follow closely are batched. */
  #scheduleSnapshot(): void {
    if (this.#flush !== undefined) return;
    const { size } = this.#fleet.agents;
    const pause = Math.max(0, this.#lastFlushAt + pauseFor(size) - this.#clock.now());
    this.#flush = this.#clock.setTimeout(() => {
      this.#flush = undefined;
      this.#lastFlushAt = this.#clock.now();
      this.#snapshot = this.#takeSnapshot();
      for (const listener of this.#listeners) listener();
    }, pause);
  }

  #takeSnapshot(): FleetSnapshot {
    const { state, lastUpdateAt, massExpiry } = this.#fleet;
    const agents = [...this.#fleet.agents.values()];
    const counts = countHealths(agents);
    return {
      state,
      failure: this.#failure,
      loaded: this.#snapshot.loaded || state === "live",
      lastUpdateAt,
      agents,
      counts,
      events: this.#log.events,
      histories: this.#historyCache.histories,
      massLoss: this.#massLoss.detect(counts.total),
      massExpiry,
    };
  }

  #sampleTrend(): void {
    const { counts } = this.#snapshot;
    const known = !isStale(this.#snapshot);
    const values = known ? { online: onlineOf(counts), offline: counts.offline } : null;
    if (this.#snapshot.loaded) this.#trends.sample(this.now(), values);
    this.#sampling = this.#clock.setTimeout(() => this.#sampleTrend(), STEP_MS);
  }
}

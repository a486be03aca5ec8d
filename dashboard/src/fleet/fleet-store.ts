/**
 * What the page shows, as one value that changes as a whole: however fast agents change, the page is
 * drawn anew a few times a second at most.
 */

import type { AgentPresence, MassExpiry } from "@agent-heartbeat/sdk/protocol";
import type { Clock } from "../time/clock";
import { EventLog, type FleetEvent } from "./event-log";
import type { FleetFailure, FleetPort, FleetState } from "./fleet-port";
import { countHealths, type HealthCounts, onlineOf } from "./health";
import { type History, HistoryBook } from "./history-book";
import { LossWatch, type MassLoss } from "./loss-watch";
import { STEP_MS, TrendLog, type TrendPoint } from "./trend-log";

export interface FleetSnapshot {
  state: FleetState;
  /** Why the page is not connected, where it is not. */
  failure: FleetFailure | null;
  /** Whether the whole fleet was seen once. */
  loaded: boolean;
  /** When what is shown was last known to be right, by the server's clock; null before that. */
  lastUpdateAt: number | null;
  agents: readonly AgentPresence[];
  counts: HealthCounts;
  events: readonly FleetEvent[];
  histories: ReadonlyMap<string, History>;
  massLoss: MassLoss | null;
  /** Silent agents that the service does not tell of as offline, for it may be that it does not hear them. */
  massExpiry: MassExpiry | null;
}

/** Whether nothing that is shown may be believed to be so now. */
export const isBlind = ({ state }: Pick<FleetSnapshot, "state">): boolean => state !== "live";

/** Pause between two values, in milliseconds: the longer, the more there is to sort and draw. */
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
  readonly #losses = new LossWatch();
  readonly #book: HistoryBook;
  #failure: FleetFailure | null = null;
  #snapshot = NOTHING;
  #flush: unknown;
  #lastFlushAt = Number.NEGATIVE_INFINITY;
  #sampling: unknown;

  constructor(fleet: FleetPort, clock: Clock) {
    this.#fleet = fleet;
    this.#clock = clock;
    this.#book = new HistoryBook({
      fetch: (agentId) => fleet.history(agentId),
      onChange: () => this.#changed(),
    });
    fleet.on("state", ({ state, failure }) => {
      this.#failure = state === "live" ? null : (failure ?? this.#failure);
      this.#changed();
    });
    fleet.on("massExpiry", () => this.#changed());
    fleet.on("change", (change) => {
      const event = this.#log.record(change, fleet.serverNow());
      if (event) this.#happened(event);
      this.#changed();
    });
  }

  /** Begins to watch. What fails from here on is part of the snapshot. */
  start(): void {
    this.#sample();
    this.#fleet.start().then(
      () => this.#changed(),
      (error: Error) => {
        this.#failure = { message: error.message };
        this.#changed();
      },
    );
  }

  stop(): void {
    this.#clock.clearTimeout(this.#sampling);
    this.#fleet.stop();
    this.#changed();
  }

  /** The server's clock. */
  readonly now = (): number => this.#fleet.serverNow();

  readonly getSnapshot = (): FleetSnapshot => this.#snapshot;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Hears every event as it happens. Returns what ends the listening. */
  onEvent(listener: (event: FleetEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  /** Oldest first, a point each five seconds. Grows without telling: look when you draw. */
  get trend(): readonly TrendPoint[] {
    return this.#trends.points;
  }

  readonly wantHistories = (agentIds: Iterable<string>): void => this.#book.want(agentIds);

  readonly dismissLoss = (): void => {
    this.#losses.dismiss(this.now());
    this.#changed();
  };

  #happened(event: FleetEvent): void {
    this.#trends.count(this.now(), event.event);
    this.#losses.add(event);
    this.#book.add(event);
    for (const listener of this.#eventListeners) listener(event);
  }

  /** The first change is shown at once, those that follow closely are shown together. */
  #changed(): void {
    if (this.#flush !== undefined) return;
    const { size } = this.#fleet.agents;
    const pause = Math.max(0, this.#lastFlushAt + pauseFor(size) - this.#clock.now());
    this.#flush = this.#clock.setTimeout(() => {
      this.#flush = undefined;
      this.#lastFlushAt = this.#clock.now();
      this.#snapshot = this.#taken();
      for (const listener of this.#listeners) listener();
    }, pause);
  }

  #taken(): FleetSnapshot {
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
      histories: this.#book.histories,
      massLoss: this.#losses.lossAmong(counts.total),
      massExpiry,
    };
  }

  #sample(): void {
    const { counts } = this.#snapshot;
    const known = !isBlind(this.#snapshot);
    const values = known ? { online: onlineOf(counts), offline: counts.offline } : null;
    if (this.#snapshot.loaded) this.#trends.sample(this.now(), values);
    this.#sampling = this.#clock.setTimeout(() => this.#sample(), STEP_MS);
  }
}

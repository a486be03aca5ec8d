/** Caches the transitions of single agents: those stored by the service, and those seen since. */

import type { TransitionRecord } from "@agent-heartbeat/sdk/protocol";
import type { FleetEvent } from "./event-log";

/** A transition as a timeline shows it. */
export type PastTransition = Pick<TransitionRecord, "event" | "reason" | "at"> & { id: string };

/** Undefined until requested. Transitions are sorted newest first. */
export type History =
  | { state: "loading" | "failed"; transitions: readonly PastTransition[]; problem?: string }
  | { state: "loaded"; transitions: readonly PastTransition[] };

/** Maximum number of concurrent requests: one page of the table needs many histories. */
const CONCURRENCY = 4;
const HOUR_MS = 3_600_000;

export interface HistoryCacheOptions {
  fetch(agentId: string): Promise<TransitionRecord[]>;
  /** Called after each change. */
  onChange(): void;
}

export class HistoryCache {
  readonly #options: HistoryCacheOptions;
  #histories: ReadonlyMap<string, History> = new Map();
  readonly #waiting: string[] = [];
  #running = 0;

  constructor(options: HistoryCacheOptions) {
    this.#options = options;
  }

  /** A new map after each change. */
  get histories(): ReadonlyMap<string, History> {
    return this.#histories;
  }

  /** Requests the histories that are neither loaded nor being loaded. */
  request(agentIds: Iterable<string>): void {
    const missing = [...agentIds].filter((agentId) => {
      const state = this.#histories.get(agentId)?.state;
      return state === undefined || state === "failed";
    });
    if (missing.length === 0) return;
    const next = new Map(this.#histories);
    for (const agentId of missing) {
      next.set(agentId, { state: "loading", transitions: [] });
      this.#waiting.push(agentId);
    }
    this.#setHistories(next);
    this.#loadNext();
  }

  /** Adds a new event to its agent's history, if that is loaded. */
  add({ id, agentId, event, reason, at }: FleetEvent): void {
    const history = this.#histories.get(agentId);
    if (history?.state !== "loaded") return;
    const transitions = mergeTransitions([{ id, event, reason, at }, ...history.transitions]);
    this.#setHistories(new Map(this.#histories).set(agentId, { ...history, transitions }));
  }

  #loadNext(): void {
    while (this.#running < CONCURRENCY) {
      const agentId = this.#waiting.shift();
      if (agentId === undefined) return;
      this.#running += 1;
      void this.#load(agentId).then(() => {
        this.#running -= 1;
        this.#loadNext();
      });
    }
  }

  async #load(agentId: string): Promise<void> {
    let history: History;
    try {
      const records = await this.#options.fetch(agentId);
      const transitions = records.map(({ transitionId: id, event, reason, at }) => ({
        id,
        event,
        reason,
        at,
      }));
      history = { state: "loaded", transitions: mergeTransitions(transitions) };
    } catch (error) {
      history = { state: "failed", transitions: [], problem: (error as Error).message };
    }
    this.#setHistories(new Map(this.#histories).set(agentId, history));
  }

  #setHistories(histories: ReadonlyMap<string, History>): void {
    this.#histories = histories;
    this.#options.onChange();
  }
}

/**
 * How often the agent went offline in the hour before `now`. Undefined if its history is not
 * loaded.
 */
export function flapsIn(history: History | undefined, now: number): number | undefined {
  if (history?.state !== "loaded") return undefined;
  return history.transitions.filter(({ event, at }) => event === "offline" && now - at < HOUR_MS)
    .length;
}

/** Removes duplicates and sorts newest first. */
function mergeTransitions(transitions: readonly PastTransition[]): PastTransition[] {
  const byMoment = new Map(transitions.map((item) => [`${item.event} ${item.at}`, item]));
  return [...byMoment.values()].sort((a, b) => b.at - a.at);
}

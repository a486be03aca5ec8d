/** Transitions of single agents: those that the service kept, and those that happened since. */

import type { TransitionRecord } from "@agent-heartbeat/sdk/protocol";
import type { FleetEvent } from "./event-log";

/** A transition as a timeline shows it. */
export type PastTransition = Pick<TransitionRecord, "event" | "reason" | "at"> & { id: string };

/** Undefined while the history is not asked for; the transitions are the newest first. */
export type History =
  | { state: "loading" | "failed"; transitions: readonly PastTransition[]; problem?: string }
  | { state: "loaded"; transitions: readonly PastTransition[] };

/** Requests under way at once: a page of the table asks for many. */
const CONCURRENCY = 4;
const HOUR_MS = 3_600_000;

export interface HistoryBookOptions {
  fetch(agentId: string): Promise<TransitionRecord[]>;
  /** Called after each change. */
  onChange(): void;
}

export class HistoryBook {
  readonly #options: HistoryBookOptions;
  #histories: ReadonlyMap<string, History> = new Map();
  readonly #waiting: string[] = [];
  #running = 0;

  constructor(options: HistoryBookOptions) {
    this.#options = options;
  }

  /** Another map after each change. */
  get histories(): ReadonlyMap<string, History> {
    return this.#histories;
  }

  /** Asks for the history of agents whose history is not known, nor asked for, yet. */
  want(agentIds: Iterable<string>): void {
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
    this.#become(next);
    this.#proceed();
  }

  /** Adds what just happened to the history of its agent, where that is known. */
  add({ id, agentId, event, reason, at }: FleetEvent): void {
    const history = this.#histories.get(agentId);
    if (history?.state !== "loaded") return;
    const transitions = merged([{ id, event, reason, at }, ...history.transitions]);
    this.#become(new Map(this.#histories).set(agentId, { ...history, transitions }));
  }

  #proceed(): void {
    while (this.#running < CONCURRENCY) {
      const agentId = this.#waiting.shift();
      if (agentId === undefined) return;
      this.#running += 1;
      void this.#load(agentId).then(() => {
        this.#running -= 1;
        this.#proceed();
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
      history = { state: "loaded", transitions: merged(transitions) };
    } catch (error) {
      history = { state: "failed", transitions: [], problem: (error as Error).message };
    }
    this.#become(new Map(this.#histories).set(agentId, history));
  }

  #become(histories: ReadonlyMap<string, History>): void {
    this.#histories = histories;
    this.#options.onChange();
  }
}

/** How often the agent went offline within the hour before `now`; undefined where it is not known. */
export function flapsIn(history: History | undefined, now: number): number | undefined {
  if (history?.state !== "loaded") return undefined;
  return history.transitions.filter(({ event, at }) => event === "offline" && now - at < HOUR_MS)
    .length;
}

/** Newest first, each once. */
function merged(transitions: readonly PastTransition[]): PastTransition[] {
  const byMoment = new Map(transitions.map((item) => [`${item.event} ${item.at}`, item]));
  return [...byMoment.values()].sort((a, b) => b.at - a.at);
}

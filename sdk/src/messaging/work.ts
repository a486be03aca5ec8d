/** What an agent's handlers are at, since when, and when they last advanced: what its heartbeats say of it. */

import { LIMITS } from "../../../core/limits";
import type { Activity } from "../../../core/presence";

/** A message that is being handled. Times are monotonic. */
export interface Task {
  readonly subject: string;
  readonly startedAt: number;
  readonly maxSilenceMs: number | undefined;
  progressAt: number;
  note?: string;
  /** Whether its handler waits for the agent's end, which can't wait for it in turn. */
  leaves?: boolean;
}

/** Tells which task a call belongs to: Node's `AsyncLocalStorage`, where there is one. */
export interface TaskScope {
  run<T>(task: Task, callback: () => T): T;
  getStore(): Task | undefined;
}

/** For platforms without: it knows the task until its handler awaits something. */
export function synchronousScope(): TaskScope {
  let current: Task | undefined;
  return {
    run(task, callback) {
      current = task;
      try {
        return callback();
      } finally {
        current = undefined;
      }
    },
    getStore: () => current,
  };
}

export class Work {
  readonly #tasks = new Set<Task>();
  readonly #leaving: (() => void)[] = [];

  constructor(private readonly now: () => number) {}

  begin(subject: string, maxSilenceMs: number | undefined): Task {
    const now = this.now();
    const task: Task = { subject, startedAt: now, progressAt: now, maxSilenceMs };
    this.#tasks.add(task);
    return task;
  }

  end(task: Task): void {
    this.#tasks.delete(task);
    task.leaves = false;
    this.#settleLeaving();
  }

  /** Resolves when every handler but those that wait here has ended; undefined where the caller is none of them. */
  othersEnd(caller: Task | undefined): Promise<void> | undefined {
    if (!caller || !this.#tasks.has(caller)) return undefined;
    caller.leaves = true;
    return new Promise((resolve) => {
      this.#leaving.push(resolve);
      this.#settleLeaving();
    });
  }

  #settleLeaving(): void {
    if ([...this.#tasks].every(({ leaves }) => leaves)) {
      for (const resolve of this.#leaving.splice(0)) resolve();
    }
  }

  /**
   * Marks that a task has advanced; without one, the oldest that runs.
   *
   * @returns whether there is such a task
   */
  advance(task: Task | undefined, note: string | undefined): boolean {
    const advanced = task ?? [...this.#tasks][0];
    if (!advanced || !this.#tasks.has(advanced)) return false;
    advanced.progressAt = this.now();
    if (note !== undefined) advanced.note = note;
    return true;
  }

  /** One task stands for all: the one that is to stall first, or else the oldest. Its times are monotonic. */
  activity(draining: boolean): Activity {
    const tasks = [...this.#tasks];
    const [first = tasks[0]] = tasks
      .filter(({ maxSilenceMs }) => maxSilenceMs !== undefined)
      .sort((a, b) => stallsAt(a) - stallsAt(b));
    const state = draining ? "draining" : first ? "working" : "idle";
    if (!first) return { state };
    const { subject, startedAt, progressAt, maxSilenceMs, note } = first;
    const activity = { state, task: cut(subject), startedAt, progressAt, inFlight: tasks.length };
    // What is undefined is left out where it is written.
    return { ...activity, maxSilenceMs, note: note && cut(note) } as Activity;
  }
}

/** What fits, without the half of a character at the end. */
const cut = (text: string) =>
  text.slice(0, LIMITS.activityTextLength).replace(/[\ud800-\udbff]$/, "");

const stallsAt = ({ progressAt, maxSilenceMs = 0 }: Task) => progressAt + maxSilenceMs;

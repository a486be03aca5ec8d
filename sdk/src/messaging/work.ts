/** What an agent's handlers are at, since when, and when they last advanced: what its heartbeats say of it. */

import { type Activity, LIMITS } from "../../../core/protocol";

/** A message that is being handled. Times are epoch milliseconds by the local clock. */
export interface Task {
  readonly subject: string;
  readonly startedAt: number;
  readonly maxSilenceMs: number | undefined;
  progressAt: number;
  note?: string;
}

/** Tells which task a call belongs to: Node's `AsyncLocalStorage`, where there is one. */
export interface TaskScope {
  run<T>(task: Task, callback: () => T): T;
  getStore(): Task | undefined;
}

export class Work {
  readonly #tasks = new Set<Task>();

  constructor(private readonly now: () => number) {}

  get inFlight(): number {
    return this.#tasks.size;
  }

  begin(subject: string, maxSilenceMs: number | undefined): Task {
    const now = this.now();
    const task: Task = { subject, startedAt: now, progressAt: now, maxSilenceMs };
    this.#tasks.add(task);
    return task;
  }

  end(task: Task): void {
    this.#tasks.delete(task);
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

  /** One task stands for all: the one that is to stall first, or else the oldest. */
  activity(draining: boolean): Activity {
    const tasks = [...this.#tasks];
    const [first = tasks[0]] = tasks
      .filter(({ maxSilenceMs }) => maxSilenceMs !== undefined)
      .sort((a, b) => stallsAt(a) - stallsAt(b));
    const state = draining ? "draining" : first ? "working" : "idle";
    if (!first) return { state };
    const { subject, startedAt, progressAt, maxSilenceMs, note } = first;
    return {
      state,
      task: cut(subject),
      startedAt,
      progressAt,
      ...(maxSilenceMs !== undefined && { maxSilenceMs }),
      ...(note !== undefined && { note: cut(note) }),
      inFlight: tasks.length,
    };
  }
}

/** What fits, without the half of a character at the end. */
const cut = (text: string) =>
  text.slice(0, LIMITS.activityTextLength).replace(/[\ud800-\udbff]$/, "");

const stallsAt = ({ progressAt, maxSilenceMs = 0 }: Task) => progressAt + maxSilenceMs;

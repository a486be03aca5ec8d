/** Online agents and events per time step while the page was open. */

import type { TransitionEvent } from "@agent-heartbeat/sdk/protocol";

/** The counts of one step. */
export interface TrendPoint {
  /** When the step began. */
  at: number;
  /** Agents online at the end of the step. Null while the page was disconnected. */
  online: number | null;
  offline: number | null;
  events: Record<TransitionEvent, number>;
}

/** Duration of a step, in milliseconds. */
export const STEP_MS = 5000;
/** Twelve hours: the lifetime of a sign-in. */
const CAPACITY = (12 * 3_600_000) / STEP_MS;

const noEvents = () => ({ online: 0, offline: 0, stalled: 0, recovered: 0, draining: 0 });

export class TrendLog {
  readonly #points: TrendPoint[] = [];

  /** Oldest first, without gaps. */
  get points(): readonly TrendPoint[] {
    return this.#points;
  }

  /** Sets the counts of the step that contains `now`. */
  sample(now: number, counts: { online: number; offline: number } | null): void {
    const point = this.#pointAt(now);
    point.online = counts?.online ?? null;
    point.offline = counts?.offline ?? null;
  }

  count(now: number, event: TransitionEvent): void {
    this.#pointAt(now).events[event] += 1;
  }

  #pointAt(now: number): TrendPoint {
    const at = now - (now % STEP_MS);
    let last = this.#points.at(-1);
    if (last && at <= last.at) return last;
    if (last && at - last.at > CAPACITY * STEP_MS) {
      this.#points.length = 0;
      last = undefined;
    }
    for (let next = last ? last.at + STEP_MS : at; next < at; next += STEP_MS) {
      // Timers pause while the computer sleeps: those counts are unknown.
      this.#points.push({ at: next, online: null, offline: null, events: noEvents() });
    }
    const point = { at, online: null, offline: null, events: noEvents() };
    this.#points.push(point);
    if (this.#points.length > CAPACITY) this.#points.splice(0, this.#points.length - CAPACITY);
    return point;
  }
}

/**
 * Downsamples the newest `count` groups of `stepsEach` steps: the last known counts, and the sum of
 * events.
 */
export function downsample(
  points: readonly TrendPoint[],
  stepsEach: number,
  count: number,
): TrendPoint[] {
  const width = STEP_MS * stepsEach;
  const result: TrendPoint[] = [];
  for (const point of points.slice(-(count + 1) * stepsEach)) {
    const at = point.at - (point.at % width);
    let last = result.at(-1);
    if (last?.at !== at) {
      last = { at, online: null, offline: null, events: noEvents() };
      result.push(last);
    }
    last.online = point.online;
    last.offline = point.offline;
    for (const event of Object.keys(last.events) as TransitionEvent[]) {
      last.events[event] += point.events[event];
    }
  }
  return result.slice(-count);
}

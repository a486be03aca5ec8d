/** Detects when many agents are lost at once, which points to a common cause. */

import type { FleetEvent } from "./event-log";
import { isLoss } from "./health";

/** Agents that were lost together. */
export interface MassLoss {
  agentIds: readonly string[];
  /** When the first of them was lost. */
  since: number;
}

const WINDOW_MS = 60_000;
/** Fewer losses than this count as unrelated. */
const MIN_AGENTS = 3;
/** Minimum fraction of the fleet. */
const MIN_FRACTION = 0.05;

export class MassLossDetector {
  readonly #lost = new Map<string, number>();
  #dismissedAt = Number.NEGATIVE_INFINITY;

  add({ agentId, event, reason, at }: FleetEvent): void {
    if (event === "offline" && isLoss(reason)) this.#lost.set(agentId, at);
    if (event === "online") this.#lost.delete(agentId);
  }

  /** Hides the current loss from now on. */
  dismiss(now: number): void {
    this.#dismissedAt = now;
  }

  /**
   * Agents that are still lost, if enough of them were lost within one minute. The result stays
   * until they are back or the loss is dismissed.
   *
   * @param total number of agents in the fleet
   */
  detect(total: number): MassLoss | null {
    const lost = [...this.#lost].filter(([, at]) => at > this.#dismissedAt);
    const times = lost.map(([, at]) => at).sort((a, b) => a - b);
    const enough = Math.max(MIN_AGENTS, Math.ceil(total * MIN_FRACTION));
    const together = times.some((at, index) => {
      const last = times[index + enough - 1];
      return last !== undefined && last - at <= WINDOW_MS;
    });
    const [since] = times;
    if (!together || since === undefined) return null;
    return { agentIds: lost.map(([agentId]) => agentId), since };
  }
}

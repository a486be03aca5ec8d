/** Notices when many agents are lost at once, which points to a cause that they share. */

import type { FleetEvent } from "./event-log";
import { isLoss } from "./health";

/** Agents that were lost together. */
export interface MassLoss {
  agentIds: readonly string[];
  /** When the first of them was lost. */
  since: number;
}

const WINDOW_MS = 60_000;
/** Below this many, each is a case of its own. */
const LEAST = 3;
/** Part of the fleet from which on it is many, whatever the fleet's size. */
const PART = 0.05;

export class LossWatch {
  readonly #lost = new Map<string, number>();
  #dismissedAt = Number.NEGATIVE_INFINITY;

  add({ agentId, event, reason, at }: FleetEvent): void {
    if (event === "offline" && isLoss(reason)) this.#lost.set(agentId, at);
    if (event === "online") this.#lost.delete(agentId);
  }

  /** Forgets the loss as it is now: it has been seen. */
  dismiss(now: number): void {
    this.#dismissedAt = now;
  }

  /**
   * Agents that are still lost, where enough of them were lost within one minute; it stays until they
   * are back or it is dismissed.
   *
   * @param total agents of the fleet
   */
  lossAmong(total: number): MassLoss | null {
    const lost = [...this.#lost].filter(([, at]) => at > this.#dismissedAt);
    const times = lost.map(([, at]) => at).sort((a, b) => a - b);
    const enough = Math.max(LEAST, Math.ceil(total * PART));
    const together = times.some((at, index) => {
      const last = times[index + enough - 1];
      return last !== undefined && last - at <= WINDOW_MS;
    });
    const [since] = times;
    if (!together || since === undefined) return null;
    return { agentIds: lost.map(([agentId]) => agentId), since };
  }
}

/** Self-preservation of the sweep: carries out the actions of `self-preservation-rule.ts`, which has the state table. */

import type { Connections } from "../shared/connections";
import type { Log } from "../shared/log";
import { lastActiveAt, probeConnections, recentlyActive } from "./connection-probe";
import type { FleetCounts } from "./fleet-counts";
import type { OnlineRow } from "./scan";
import { nextAction, type SelfPreservationTerms } from "./self-preservation-rule";
import type { SelfPreservationState, SelfPreservationStore } from "./self-preservation-store";

/** An event on the event bus. */
export type MassExpiryEvent =
  | ({ event: "suspected" } & SelfPreservationState)
  | ({
      event: "ended";
      outcome: "recovered" | "confirmed";
      endedAt: number;
    } & SelfPreservationState);

export interface SelfPreservationDependencies {
  terms: SelfPreservationTerms;
  store: Pick<SelfPreservationStore, "get" | "begin" | "confirm" | "end">;
  connections: Pick<Connections, "lastActiveAt">;
  /** @throws Error if the bus refuses the event */
  publish(event: MassExpiryEvent): Promise<void>;
  log: Log;
}

/**
 * What the sweep may do with expired leases: `hold` all, `expire` all, or `probe` each agent's connection first, since
 * heartbeats may reach the gateway and not the table.
 */
export type Permission = "hold" | "probe" | "expire";

export interface SelfPreservation {
  /**
   * @param complete whether the counts are of the whole table
   * @param silent rows with expired leases, or some of them
   */
  permission(
    counts: FleetCounts,
    complete: boolean,
    silent: readonly OnlineRow[],
    now: number,
  ): Promise<Permission>;
  /**
   * Whether the gateway received something from an agent after its last stored heartbeat: then its lease is not expired
   * yet. Messages sent to a connection count as activity too, so this is false once `holdMs` have passed.
   */
  recentlyActive(row: OnlineRow, now: number): Promise<boolean>;
}

/** Its methods throw if the table or the bus fails; then nothing may be stored as offline. */
export function createSelfPreservation(deps: SelfPreservationDependencies): SelfPreservation {
  const { terms, store, connections, publish, log } = deps;

  async function begin(
    counts: FleetCounts,
    silent: readonly OnlineRow[],
    now: number,
  ): Promise<void> {
    const state: SelfPreservationState = {
      suspectedAt: now,
      heldUntil: now + terms.holdMs,
      silent: counts.overdue + counts.over,
      online: counts.online + counts.over,
      sample: await probeConnections(silent, connections),
    };
    if (!(await store.begin(state))) return;
    log.warn({ event: "mass_expiry_suspected", ...state });
    try {
      await publish({ event: "suspected", ...state });
    } catch (error) {
      // The next sweep suspects again, and publishes the event then.
      await store.end(state);
      throw error;
    }
  }

  async function end(
    standing: SelfPreservationState,
    outcome: "recovered" | "confirmed",
    now: number,
  ): Promise<void> {
    // Published before it is stored: overlapping sweeps may publish it twice, but never omit it.
    await publish({ event: "ended", outcome, endedAt: now, ...standing });
    log.warn({ event: "mass_expiry_ended", outcome, ...standing });
    if (outcome === "confirmed") await store.confirm(standing, now);
    else await store.end(standing);
  }

  return {
    async permission(counts, complete, silent, now) {
      const standing = await store.get();
      const action = nextAction(standing, counts, complete, now, terms);
      if (!standing) {
        if (action !== "suspect") return "probe";
        await begin(counts, silent, now);
        return "hold";
      }
      if (action === "confirm") await end(standing, "confirmed", now);
      if (action === "recover") await end(standing, "recovered", now);
      if (action === "forget") await store.end(standing);
      if (action === "hold") return "hold";
      return action === "confirm" || standing.confirmedAt !== undefined ? "expire" : "probe";
    },

    async recentlyActive(row, now) {
      if (now >= row.leaseExpiresAt + terms.holdMs) return false;
      try {
        return recentlyActive(row, await lastActiveAt(row, connections));
      } catch (error) {
        log.warn({ event: "probe_failed", agentId: row.agentId, error: String(error) });
        return false;
      }
    },
  };
}

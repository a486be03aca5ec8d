/**
 * The brake of the sweep: where more agents fall silent at once than is likely, it withholds that they went
 * offline, for a while, since the fault may be the service's own.
 */

import type { Connections } from "../shared/connections";
import type { Log } from "../shared/log";
import { lastActiveAt, lookAtSome, speaks } from "./connection-probe";
import type { FleetCounts } from "./fleet-counts";
import type { OnlineRow } from "./scan";
import { nextAction, type SelfPreservationTerms } from "./self-preservation-rule";
import type { SelfPreservationState, SelfPreservationStore } from "./self-preservation-store";

/** What the bus is told. */
export type MassExpiryEvent =
  | ({ event: "suspected" } & SelfPreservationState)
  | ({
      event: "ended";
      outcome: "recovered" | "confirmed";
      endedAt: number;
    } & SelfPreservationState);

export interface SelfPreservationDependencies {
  terms: SelfPreservationTerms;
  suspicions: Pick<SelfPreservationStore, "get" | "begin" | "confirm" | "end">;
  connections: Pick<Connections, "lastActiveAt">;
  /** @throws Error if the event is not taken */
  tell(event: MassExpiryEvent): Promise<void>;
  log: Log;
}

/**
 * What may be done with agents whose lease is over: nothing, `tell` all, or `look` at the connection of each
 * first, for some may be heard by the gateway alone.
 */
export type Permission = "hold" | "look" | "tell";

export interface SelfPreservation {
  /**
   * @param complete whether the tally is of the whole table
   * @param silent rows whose lease is over, or some of them
   */
  permission(
    tally: FleetCounts,
    complete: boolean,
    silent: readonly OnlineRow[],
    now: number,
  ): Promise<Permission>;
  /**
   * Whether the gateway heard an agent after the last heartbeat that is stored: then it is not told to be
   * offline yet. A connection is active also by what is sent to it, so that this holds for as long as a
   * suspicion at most.
   */
  speaks(row: OnlineRow, now: number): Promise<boolean>;
}

/** @throws Error from a call if the table or the bus fails: then nothing may be stored as offline */
export function selfPreservation(deps: SelfPreservationDependencies): SelfPreservation {
  const { terms, suspicions, connections, tell, log } = deps;

  async function begin(
    tally: FleetCounts,
    silent: readonly OnlineRow[],
    now: number,
  ): Promise<void> {
    const suspicion: SelfPreservationState = {
      suspectedAt: now,
      heldUntil: now + terms.holdMs,
      silent: tally.overdue + tally.over,
      online: tally.online + tally.over,
      sample: await lookAtSome(silent, connections),
    };
    if (!(await suspicions.begin(suspicion))) return;
    log.warn({ event: "mass_expiry_suspected", ...suspicion });
    try {
      await tell({ event: "suspected", ...suspicion });
    } catch (error) {
      // Suspected anew by the next sweep, which tells it then.
      await suspicions.end(suspicion);
      throw error;
    }
  }

  async function end(
    standing: SelfPreservationState,
    outcome: "recovered" | "confirmed",
    now: number,
  ): Promise<void> {
    // Told before it is kept: sweeps that overlap may tell it twice, and none ends it in silence.
    await tell({ event: "ended", outcome, endedAt: now, ...standing });
    log.warn({ event: "mass_expiry_ended", outcome, ...standing });
    if (outcome === "confirmed") await suspicions.confirm(standing, now);
    else await suspicions.end(standing);
  }

  return {
    async permission(tally, complete, silent, now) {
      const standing = await suspicions.get();
      const verdict = nextAction(standing, tally, complete, now, terms);
      if (!standing) {
        if (verdict !== "suspect") return "look";
        await begin(tally, silent, now);
        return "hold";
      }
      if (verdict === "confirm") await end(standing, "confirmed", now);
      if (verdict === "recover") await end(standing, "recovered", now);
      if (verdict === "forget") await suspicions.end(standing);
      if (verdict === "hold") return "hold";
      return verdict === "confirm" || standing.confirmedAt !== undefined ? "tell" : "look";
    },

    async speaks(row, now) {
      if (now >= row.leaseExpiresAt + terms.holdMs) return false;
      try {
        return speaks(row, await lastActiveAt(row, connections));
      } catch (error) {
        log.warn({ event: "look_failed", agentId: row.agentId, error: String(error) });
        return false;
      }
    },
  };
}

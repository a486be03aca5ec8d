/** When the service suspects itself of not hearing its agents, and what becomes of the suspicion. */

import type { FleetCounts } from "./fleet-counts";

/** From when on the sweep holds back, and for how long. */
export interface SelfPreservationTerms {
  /** Share of the agents stored as online that have to be silent, above which they are suspiciously many. */
  share: number;
  /** Fewer silent agents than these are never suspicious. */
  minimum: number;
  /** How long their going offline is withheld at most, in milliseconds. */
  holdMs: number;
}

/** A suspicion that stands, as far as it is judged by. */
export interface Standing {
  heldUntil: number;
  /** When the sweep told the truth after all; absent while it holds back. */
  confirmedAt?: number;
}

/**
 * - `act`: nothing is suspicious, or the truth is being told.
 * - `suspect`: so many are silent that nothing is told from now on.
 * - `hold`: they still are, or may be, and the time is not over.
 * - `confirm`: the time is over and they are still silent: they are gone.
 * - `recover`: everyone is back, or the time is over and few are silent.
 * - `forget`: those that were confirmed are told of.
 */
export type SelfPreservationAction = "act" | "suspect" | "hold" | "confirm" | "recover" | "forget";

/** Schedules are exact to the minute: a sweep that comes by so little too early is not one too early. */
const SCHEDULE_JITTER_MS = 30_000;

/**
 * Whether so many agents are silent that it is more likely that they are not heard. Counted as silent is
 * who has missed a heartbeat, not only whose lease is over: leases run out one after the other, and the
 * first of them must not be told before the last.
 */
export function isMassExpiry(
  { online, overdue, over }: FleetCounts,
  terms: SelfPreservationTerms,
): boolean {
  const silent = overdue + over;
  return silent >= terms.minimum && silent > terms.share * (online + over);
}

/**
 * @param complete whether the tally is of the whole table: only then is it known that nobody is silent
 * @param now epoch milliseconds
 */
export function nextAction(
  standing: Standing | undefined,
  tally: FleetCounts,
  complete: boolean,
  now: number,
  terms: SelfPreservationTerms,
): SelfPreservationAction {
  const mass = isMassExpiry(tally, terms);
  if (!standing) return mass && tally.over > 0 ? "suspect" : "act";
  if (standing.confirmedAt !== undefined) return complete && !mass ? "forget" : "act";
  if (complete && tally.over === 0) return "recover";
  if (now < standing.heldUntil - SCHEDULE_JITTER_MS) return "hold";
  return mass ? "confirm" : "recover";
}

/**
 * The rule of self-preservation: when very many agents fall silent at once, the fault is probably the service's own, and
 * the sweep withholds their expirations for a while.
 *
 * | State     | What a sweep finds                                   | Action    | Next state | Expired leases          |
 * | --------- | ---------------------------------------------------- | --------- | ---------- | ----------------------- |
 * | normal    | few agents are silent, or no lease has expired       | `act`     | normal     | stored after a probe    |
 * | normal    | very many are silent, and a lease has expired        | `suspect` | suspected  | withheld                |
 * | suspected | the whole table was read, and no lease has expired   | `recover` | normal     | none                    |
 * | suspected | otherwise, before `heldUntil`                        | `hold`    | suspected  | withheld                |
 * | suspected | `heldUntil` has passed, very many are still silent   | `confirm` | confirmed  | stored                  |
 * | suspected | `heldUntil` has passed, few are silent               | `recover` | normal     | stored after a probe    |
 * | confirmed | very many are silent, or only part of the table was read | `act` | confirmed  | stored                  |
 * | confirmed | the whole table was read, and few are silent         | `forget`  | normal     | stored                  |
 *
 * *Silent*: missed a heartbeat, whether or not the lease has expired. *Very many*: see `isMassExpiry`. *After a probe*: an
 * agent whose connection was recently active is left online. The state is stored: see `SelfPreservationStore`.
 */

import type { FleetCounts } from "./fleet-counts";

/** When the sweep withholds expirations, and for how long. */
export interface SelfPreservationTerms {
  /** Above this share of the agents stored as online, from 0 to 1, silent agents are very many. */
  share: number;
  /** Fewer silent agents than this are never very many. */
  minimum: number;
  /** How long expirations are withheld at most, in milliseconds. */
  holdMs: number;
}

/** The part of the stored state that decides the next action. */
export interface HoldState {
  heldUntil: number;
  /** When the loss was confirmed; absent while expirations are withheld. */
  confirmedAt?: number;
}

/** What a sweep does: see the table above. */
export type SelfPreservationAction = "act" | "suspect" | "hold" | "confirm" | "recover" | "forget";

/** Schedules are exact to the minute: a sweep this little before `heldUntil` counts as after it. */
const SCHEDULE_JITTER_MS = 30_000;

/**
 * Whether very many agents are silent, so that a fault of the service is likelier than their loss. A missed heartbeat
 * counts, not only an expired lease: leases expire one after the other, and the first must not be published before
 * the last is known.
 */
export function isMassExpiry(
  { online, overdue, over }: FleetCounts,
  terms: SelfPreservationTerms,
): boolean {
  const silent = overdue + over;
  return silent >= terms.minimum && silent > terms.share * (online + over);
}

/**
 * @param complete whether the counts are of the whole table: only then is it known that no agent is silent
 * @param now epoch milliseconds
 */
export function nextAction(
  standing: HoldState | undefined,
  counts: FleetCounts,
  complete: boolean,
  now: number,
  terms: SelfPreservationTerms,
): SelfPreservationAction {
  const mass = isMassExpiry(counts, terms);
  if (!standing) return mass && counts.over > 0 ? "suspect" : "act";
  if (standing.confirmedAt !== undefined) return complete && !mass ? "forget" : "act";
  if (complete && counts.over === 0) return "recover";
  if (now < standing.heldUntil - SCHEDULE_JITTER_MS) return "hold";
  return mass ? "confirm" : "recover";
}

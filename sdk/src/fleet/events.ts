/** What happens to a watched fleet. */

import type { MassExpiry } from "../../../core/presence";
import type { Failure } from "../connection/state";
import type { FleetChange } from "./book";

/**
 * How current the map is.
 *
 * - `idle`: not started.
 * - `connecting`: the first full list is not complete yet.
 * - `live`: every change is shown as soon as it is published.
 * - `stale`: not connected, or no list succeeds: the map may be outdated.
 * - `stopped`: ended.
 */
export type FleetState = "idle" | "connecting" | "live" | "stale" | "stopped";

/** Events of a fleet's watcher. */
export interface FleetEvents {
  /** An agent appeared, disappeared or changed, or the service published a transition. */
  change: FleetChange;
  /** The state changed, or another attempt to connect failed. */
  state: { state: FleetState; failure?: Failure };
  /** The service entered self-preservation, or, with null, left it. */
  massExpiry: MassExpiry | null;
}

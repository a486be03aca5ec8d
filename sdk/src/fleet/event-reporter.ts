/** Emits and logs the events of a watched fleet. */

import type { MassExpiry } from "../../../core/presence";
import type { Failure } from "../connection/state";
import { Emitter } from "../emitter";
import type { Logger } from "../options";
import { describe } from "../user-code";
import type { FleetChange } from "./book";
import type { FleetEvents, FleetState } from "./events";

export class FleetEventReporter extends Emitter<FleetEvents> {
  #state: FleetState = "idle";
  #massExpiry: MassExpiry | null = null;
  #reportedFailure: Failure | null = null;

  constructor(agentId: string, logger: Logger) {
    super((error) => logger.error(`${agentId}: a listener failed: ${describe(error)}`));
  }

  get state(): FleetState {
    return this.#state;
  }

  get massExpiry(): MassExpiry | null {
    return this.#massExpiry;
  }

  changes(changes: FleetChange[]): void {
    for (const change of changes) this.emit("change", change);
  }

  /** The state has changed; what is `stopped` stays so. */
  enter(state: FleetState, failure?: Failure): void {
    if (state === this.#state || this.#state === "stopped") return;
    this.#state = state;
    if (failure) this.#report(failure);
    else this.emit("state", { state });
  }

  /** An attempt to connect failed. The end of a connection was reported with the change of state. */
  failed(failure: Failure): void {
    if (failure !== this.#reportedFailure) this.#report(failure);
  }

  suspected(massExpiry: MassExpiry | null): void {
    if (massExpiry?.suspectedAt === this.#massExpiry?.suspectedAt) return;
    this.#massExpiry = massExpiry;
    this.emit("massExpiry", massExpiry);
  }

  #report(failure: Failure): void {
    this.#reportedFailure = failure;
    this.emit("state", { state: this.#state, failure });
  }
}

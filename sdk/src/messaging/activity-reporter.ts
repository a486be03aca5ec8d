/** Reports what an agent's handlers are at to its connection, for the heartbeats to say. */

import type { ManagerPort } from "../connection/manager-port";
import type { Runtime } from "../platform/runtime";
import type { Work } from "./work";

/** How long progress may wait for the end of its turn. */
const PROGRESS_MS = 250;

export class ActivityReporter {
  #draining = false;
  #isDue = false;
  /** Monotonic. */
  #sentAt = 0;

  constructor(
    private readonly work: Pick<Work, "activity">,
    private readonly connection: Pick<ManagerPort, "setActivity">,
    private readonly runtime: Pick<Runtime, "monotonic">,
  ) {}

  /** A handler was started, has advanced, or has ended. Reported once a turn, however many do in it. */
  changed(): void {
    // Work that never lets go of the event loop would have its progress wait for its own end.
    if (this.#isDue && this.runtime.monotonic() - this.#sentAt >= PROGRESS_MS) this.#send();
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#send();
    });
  }

  /** From now on heartbeats say that the agent drains. */
  drain(): void {
    this.#draining = true;
    this.#send();
  }

  #send(): void {
    this.#sentAt = this.runtime.monotonic();
    this.connection.setActivity(this.work.activity(this.#draining));
  }
}

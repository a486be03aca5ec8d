/** Waits for what a client does. */

import { EventEmitter, once } from "node:events";

/** What a client was to do, and did not. */
export class Violation extends Error {
  override name = "Violation";
}

/** Wakes waiters when something changes, so that they check their conditions. */
export class Feed {
  readonly #changes = new EventEmitter().setMaxListeners(0);

  /** @param signal ends every wait: a client that hangs is not waited for without end */
  constructor(private readonly signal: AbortSignal) {}

  changed(): void {
    this.#changes.emit("change");
  }

  /** @throws Violation if the trial is ended before */
  async until<T>(what: string, look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      try {
        await once(this.#changes, "change", { signal: this.signal });
      } catch {
        throw new Violation(`expected ${what}, got nothing more: ${String(this.signal.reason)}`);
      }
    }
  }
}

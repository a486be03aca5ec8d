/** Lets tests wait for something to be so. */

// Not the global one, which fake timers replace.
import { setTimeout as realTimeout } from "node:timers";

/** What clients do with a message is nothing that the service sees. */
const LOOK_AGAIN_MS = 5;

export class ChangeSignal {
  readonly #waiting = new Set<() => void>();

  /** @param signal ends every wait */
  constructor(private readonly signal: AbortSignal | undefined) {
    signal?.addEventListener("abort", () => this.changed());
  }

  /** Something has changed: whoever waits looks again. */
  changed(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  /**
   * Waits until `look` returns something. It is called at every change, and every few milliseconds.
   *
   * @param what it waits for, for the error
   * @throws Error if the signal is aborted before
   */
  async until<T>(look: () => T | undefined | null | false, what: string): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined && found !== null && found !== false) return found;
      if (this.signal?.aborted) {
        throw new Error(`expected ${what}, got nothing more: ${String(this.signal.reason)}`);
      }
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        realTimeout(resolve, LOOK_AGAIN_MS).unref();
      });
    }
  }
}

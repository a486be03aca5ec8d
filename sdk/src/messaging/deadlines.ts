/** The deadlines of requests, for the handlers that work on them. */

import type { Runtime } from "../platform/runtime";
import type { MessageContext } from "./dispatcher";

/** A request that is worked on. */
export interface Deadline {
  /** What the handler receives. */
  context: Pick<MessageContext, "deadline" | "signal">;
  /** Ends the wait. @returns whether it was over already */
  end(): boolean;
}

export class Deadlines {
  readonly #open = new Set<() => void>();

  constructor(private readonly runtime: Pick<Runtime, "now" | "setTimeout" | "clearTimeout">) {}

  begin(timeoutMs: number): Deadline {
    const { runtime } = this;
    const controller = new AbortController();
    const end = () => {
      runtime.clearTimeout(timer);
      this.#open.delete(abort);
      return controller.signal.aborted;
    };
    const abort = () => {
      end();
      controller.abort();
    };
    const timer = runtime.setTimeout(abort, timeoutMs);
    this.#open.add(abort);
    return { context: { deadline: runtime.now() + timeoutMs, signal: controller.signal }, end };
  }

  /** No answer can be sent any more. */
  abort(): void {
    for (const abort of this.#open) abort();
  }
}

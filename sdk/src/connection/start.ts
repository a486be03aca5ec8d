/** The wait for the first connection: what was tried so far, and how a caller aborts it. */

import { StartAbortedError } from "../errors";
import { inBrowser } from "../platform/in-browser";
import type { KeySource } from "./key-source";
import type { SigningKey } from "./keys";
import type { ManagerOptions } from "./manager-options";
import type { Failure } from "./state";

/** Options of `start()`. */
export interface StartOptions {
  /**
   * Aborts the wait: `start()` rejects with a `StartAbortedError` that lists what was tried, and the client stops.
   * `AbortSignal.timeout(30_000)` sets a deadline.
   *
   * @default - it waits indefinitely
   */
  signal?: AbortSignal | undefined;
}

/** What has come of the attempts to connect. */
export class ConnectAttempts {
  readonly #answers = new Map<string, number>();
  #keyId: string | null = null;

  constructor(
    private readonly options: Pick<ManagerOptions, "url" | "login">,
    private readonly key: KeySource,
  ) {}

  /** Loads the key, and keeps its id. */
  async load(): Promise<SigningKey> {
    const key = await this.key.load();
    if (!inBrowser) this.#keyId = key.keyId;
    return key;
  }

  note({ message }: Failure): void {
    this.#answers.set(message, (this.#answers.get(message) ?? 0) + 1);
  }

  error(cause: unknown): StartAbortedError {
    const answers = [...this.#answers].map(([message, times]) => ({ message, times }));
    const summary = answers.map(({ message, times }) => `${message} (${times} x)`).join("; ");
    const { agentId, organizationId } = this.options.login;
    const where = inBrowser
      ? ""
      : `: no connection to ${this.options.url} for organization ${organizationId} with key ${this.#keyId}`;
    const message = `${agentId}: start() was aborted${where}, after: ${summary || "no answer"}`;
    return new StartAbortedError(message, answers, { cause });
  }
}

/**
 * What `work` comes to, unless the signal is aborted before.
 *
 * @param abort ends the work, and says with which error
 */
export function untilAborted(
  work: Promise<void>,
  signal: AbortSignal | undefined,
  abort: (reason: unknown) => Error,
): Promise<void> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(abort(signal.reason));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

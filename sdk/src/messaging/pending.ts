/** Promises that wait for something that has a name, each for a time of its own. */

import type { AgentHeartbeatError } from "../errors";
import type { Runtime } from "../platform/runtime";

interface Waiting<T> {
  resolve(value: T): void;
  reject(reason: unknown): void;
  timer: unknown;
}

export class Pending<T> {
  readonly #waiting = new Map<string, Waiting<T>>();

  constructor(private readonly platform: Pick<Runtime, "setTimeout" | "clearTimeout">) {}

  get size(): number {
    return this.#waiting.size;
  }

  /** @param late what to reject with after `timeoutMs` */
  wait(name: string, timeoutMs: number, late: () => AgentHeartbeatError): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.platform.setTimeout(() => this.fail(late(), name), timeoutMs);
      this.#waiting.set(name, { resolve, reject, timer });
    });
  }

  /** Takes what waits for this name, for the caller to settle. */
  take(name = ""): Omit<Waiting<T>, "timer"> | undefined {
    const waiting = this.#waiting.get(name);
    if (waiting) this.platform.clearTimeout(waiting.timer);
    this.#waiting.delete(name);
    return waiting;
  }

  /** Rejects what waits for a name, or all that waits. */
  fail(error: AgentHeartbeatError, name?: string): void {
    const names = name === undefined ? [...this.#waiting.keys()] : [name];
    for (const each of names) this.take(each)?.reject(error);
  }
}

/** A process of `subject.cjs` and its measurements. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { messageOf } from "../child";

export interface Measured {
  /** CPU time of the events, in microseconds. */
  cpuUs: number;
  wallMs: number;
  /** From process start to the end of its first batch. Present for the first batch only. */
  coldMs?: number;
  coldCpuUs?: number;
}

export class Subject {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Loads a bundle in a new process. */
  static async start(bundle: string, env: NodeJS.ProcessEnv): Promise<Subject> {
    const child = fork(join(import.meta.dirname, "subject.cjs"), [bundle], {
      execArgv: [],
      env,
      // The functions' log output is discarded.
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    await messageOf(child);
    return new Subject(child);
  }

  /** Calls the function with events, one after the other. @throws Error if the function throws */
  async call(events: readonly unknown[]): Promise<Measured> {
    this.#child.send({ events });
    const message = await messageOf<Measured | { failed: string }>(this.#child);
    if ("failed" in message) throw new Error(message.failed);
    return message;
  }

  async stop(): Promise<void> {
    const exit = once(this.#child, "exit");
    this.#child.kill();
    await exit;
  }
}

/** A process of `subject.cjs`, and what it measured of itself. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { messageOf } from "../child";

export interface Measured {
  /** CPU time of the events, in microseconds. */
  cpuUs: number;
  wallMs: number;
  /** From the start of the process to the end of its first events. Only with these. */
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
      // Functions log; what they log is not looked at here.
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    await messageOf(child);
    return new Subject(child);
  }

  /** Calls the function with events, one after the other. @throws Error if it throws */
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

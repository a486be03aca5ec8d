/** A TypeScript program of a benchmark as a process of its own, spoken to by messages. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

export class Child {
  readonly #child: ChildProcess;

  constructor(file: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
    const flags = ["--conditions=agent-heartbeat-source", "--import", "tsx"];
    this.#child = spawn(process.execPath, [...flags, file, ...args], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true", ...env },
    });
  }

  /** The next message of the program. @throws Error if it ends first */
  next<T>(): Promise<T> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null) =>
        reject(new Error(`the program ended with code ${code}`));
      this.#child.once("exit", ended);
      this.#child.once("message", (message) => {
        this.#child.off("exit", ended);
        resolve(message as T);
      });
    });
  }

  ask<T>(message: object): Promise<T> {
    const answer = this.next<T>();
    this.#child.send(message);
    return answer;
  }

  /** Lets the program end by itself: its channel closes. */
  async stop(): Promise<void> {
    const exit = once(this.#child, "exit");
    this.#child.disconnect();
    await exit;
  }
}

/** The processes of a benchmark, spoken to by messages: what is measured shares its memory and time with nothing else. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** The next message of a process. @throws Error if it ends first */
export function messageOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) =>
      reject(new Error(`a program of the benchmark ended with code ${code}, and said nothing`));
    child.once("exit", ended);
    child.once("message", (message) => {
      child.off("exit", ended);
      resolve(message as T);
    });
  });
}

/** A TypeScript program, which lasts until its channel closes. */
export class Child {
  readonly #child: ChildProcess;

  constructor(file: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
    const flags = ["--expose-gc", "--conditions=agent-heartbeat-source", "--import", "tsx"];
    this.#child = spawn(process.execPath, [...flags, file, ...args], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true", ...env },
    });
  }

  /** The next message of the program. @throws Error if it ends first */
  next<T>(): Promise<T> {
    return messageOf(this.#child);
  }

  /** Sends a message. @returns the next one of the program @throws Error if it ends first */
  ask<T>(message: object): Promise<T> {
    const answer = this.next<T>();
    this.#child.send(message);
    return answer;
  }

  /** Closes the channel, and waits for the program's end. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, "exit");
    if (this.#child.connected) this.#child.disconnect();
    await exit;
  }
}

/**
 * Child processes of a benchmark, controlled by messages, so that each measurement has its own
 * memory and CPU time.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** The next message of a process. @throws Error if the process exits first */
export function messageOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) =>
      reject(new Error(`a benchmark process exited with code ${code} before it sent a message`));
    child.once("exit", ended);
    child.once("message", (message) => {
      child.off("exit", ended);
      resolve(message as T);
    });
  });
}

/** Runs a TypeScript program, which exits when its IPC channel closes. */
export class Child {
  readonly #child: ChildProcess;

  constructor(file: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
    const flags = ["--expose-gc", "--conditions=agent-heartbeat-source", "--import", "tsx"];
    this.#child = spawn(process.execPath, [...flags, file, ...args], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true", ...env },
    });
  }

  /** The next message of the program. @throws Error if the program exits first */
  next<T>(): Promise<T> {
    return messageOf(this.#child);
  }

  /**
   * Sends a message. @returns the program's next message @throws Error if the program exits first
   */
  ask<T>(message: object): Promise<T> {
    const answer = this.next<T>();
    this.#child.send(message);
    return answer;
  }

  /** Closes the channel and waits for the program to exit. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, "exit");
    if (this.#child.connected) this.#child.disconnect();
    await exit;
  }
}

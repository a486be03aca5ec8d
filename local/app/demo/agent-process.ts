/** The process of a demo agent, which can be killed, suspended and restarted. */

import { type GuardedProcess, spawnGuarded } from "../../aws/processes/parent-death-guard";

/** The state of the process, for the table. */
export type ProcessState = "running" | "killed" | "frozen" | "leaving" | "ended";

export class AgentProcess {
  readonly agentId: string;
  readonly #command: readonly string[];
  #process: GuardedProcess | undefined;
  #state: ProcessState = "ended";

  /** @param command the executable and its arguments */
  constructor(agentId: string, command: readonly string[]) {
    this.agentId = agentId;
    this.#command = command;
  }

  get state(): ProcessState {
    return this.#state;
  }

  get pid(): number | undefined {
    return this.#state === "ended" || this.#state === "killed"
      ? undefined
      : this.#process?.child.pid;
  }

  start(): void {
    const [executable = "", ...args] = this.#command;
    const started = spawnGuarded(executable, args, { output: "ignore" });
    this.#process = started;
    this.#state = "running";
    void started.ended.then(() => {
      if (this.#process === started && this.#state !== "killed") this.#state = "ended";
    });
  }

  /** Sends SIGKILL. */
  async kill(): Promise<void> {
    this.#state = "killed";
    await this.#process?.kill();
  }

  /** Sends SIGSTOP: the process keeps its connection, but becomes silent. */
  freeze(): void {
    this.#state = "frozen";
    this.#process?.signal("SIGSTOP");
  }

  thaw(): void {
    this.#state = "running";
    this.#process?.signal("SIGCONT");
  }

  /** Sends SIGTERM: the SDK drains and closes the connection. */
  async leave(): Promise<void> {
    this.#state = "leaving";
    await this.#process?.stop(5000);
  }
}

/** One demo agent's process: started, killed, stopped for a while, and started again. */

import { type LeashedProcess, spawnLeashed } from "../../aws/processes/parent-death-guard";

/** What happened to the process, in a word for the table. */
export type ProcessState = "running" | "killed" | "frozen" | "leaving" | "ended";

export class AgentProcess {
  readonly agentId: string;
  readonly #command: readonly string[];
  #process: LeashedProcess | undefined;
  #state: ProcessState = "ended";

  /** @param command the program and its arguments, for this Node.js */
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
    const started = spawnLeashed(process.execPath, this.#command, { output: "ignore" });
    this.#process = started;
    this.#state = "running";
    void started.ended.then(() => {
      if (this.#process === started && this.#state !== "killed") this.#state = "ended";
    });
  }

  /** SIGKILL: the process has no chance to say goodbye. */
  async kill(): Promise<void> {
    this.#state = "killed";
    await this.#process?.kill();
  }

  /** SIGSTOP: it holds its connection, and says nothing any more. */
  freeze(): void {
    this.#state = "frozen";
    this.#process?.signal("SIGSTOP");
  }

  thaw(): void {
    this.#state = "running";
    this.#process?.signal("SIGCONT");
  }

  /** SIGTERM: the SDK drains and closes the connection. */
  async leave(): Promise<void> {
    this.#state = "leaving";
    await this.#process?.stop(5000);
  }
}

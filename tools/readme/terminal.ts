/** A terminal in which commands are typed one after the other: a shell of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

const MARKS = /:end-of-block-\d+:\d+\n/g;

export interface Block {
  /** What has been printed since the commands were typed, by them and by what runs in the background. */
  output(): string;
  /** The status with which the last command ended; undefined while it runs. */
  status(): number | undefined;
}

export class Terminal {
  readonly #shell: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #waiting = new Set<() => void>();
  #output = "";
  #blocks = 0;

  constructor(directory: string, env: NodeJS.ProcessEnv, hear: (text: string) => void) {
    // In a group of its own, which can be interrupted as a whole.
    this.#shell = spawn("/bin/bash", ["--norc", "--noprofile"], {
      cwd: directory,
      env,
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#shell.stdin?.on("error", () => {});
    this.#ended = once(this.#shell, "exit");
    void this.#ended.then(() => this.#changed());
    for (const stream of [this.#shell.stdout, this.#shell.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
        hear(text);
        this.#changed();
      });
    }
  }

  /** Types commands, of which each has to succeed for the next one to run. */
  type(commands: readonly string[]): Block {
    const begin = this.#output.length;
    const mark = `:end-of-block-${++this.#blocks}:`;
    // A shell in which one fails must live on: the question may be asked again.
    this.#shell.stdin?.write(`{ ${commands.map(chained).join("\n")}\n}; echo "${mark}$?"\n`);
    const marked = new RegExp(`${mark}(\\d+)\\n`);
    const since = () => this.#output.slice(begin);
    return {
      output: () => since().replaceAll(MARKS, ""),
      status: () => {
        const [, status] = marked.exec(since()) ?? [];
        if (status !== undefined) return Number(status);
        return this.hasEnded ? -1 : undefined;
      },
    };
  }

  get hasEnded(): boolean {
    return this.#shell.exitCode !== null || this.#shell.signalCode !== null;
  }

  /** Resolves at the next output, or after a while. */
  async news(withinMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#waiting.add(resolve);
      timer = setTimeout(resolve, withinMs);
    });
    clearTimeout(timer);
  }

  /** Ctrl-C. */
  interrupt(): void {
    this.#signal("SIGINT");
  }

  /** Closes the window: what runs is interrupted, and killed if that does not end it. */
  async close(graceMs: number): Promise<void> {
    this.#shell.stdin?.end();
    this.interrupt();
    const timer = setTimeout(() => this.#signal("SIGKILL"), graceMs);
    await this.#ended;
    clearTimeout(timer);
    // What it has left in the background.
    this.#signal("SIGKILL");
  }

  #signal(name: NodeJS.Signals): void {
    try {
      if (this.#shell.pid !== undefined) process.kill(-this.#shell.pid, name);
    } catch {
      // Nothing of it runs any more.
    }
  }

  #changed(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** What goes to the background is not waited for. */
const chained = (command: string, index: number, all: readonly string[]) =>
  index === all.length - 1 || command.endsWith("&") ? command : `${command} &&`;

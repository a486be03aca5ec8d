/** A terminal: a shell in which commands run one after the other. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

const MARKS = /:end-of-block-\d+:\d+\n/g;

export interface Block {
  /** The output since the last commands were started, including that of background processes. */
  output(): string;
  /** The exit status of the last command; undefined while it runs. */
  status(): number | undefined;
}

export class Terminal {
  readonly #shell: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #waiting = new Set<() => void>();
  #output = "";
  #blocks = 0;

  constructor(directory: string, env: NodeJS.ProcessEnv, onText: (text: string) => void) {
    // In its own process group, which can be interrupted as a whole.
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
        onText(text);
        this.#changed();
      });
    }
  }

  /** Starts commands. Each runs only if the previous one succeeds. */
  type(commands: readonly string[]): Block {
    const begin = this.#output.length;
    const mark = `:end-of-block-${++this.#blocks}:`;
    // The shell must survive a failing command, because it may be repeated.
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

  /** Closes the terminal: interrupts running commands, and kills them if they do not end. */
  async close(graceMs: number): Promise<void> {
    this.#shell.stdin?.end();
    this.interrupt();
    const timer = setTimeout(() => this.#signal("SIGKILL"), graceMs);
    await this.#ended;
    clearTimeout(timer);
    // Its background processes.
    this.#signal("SIGKILL");
  }

  #signal(name: NodeJS.Signals): void {
    try {
      if (this.#shell.pid !== undefined) process.kill(-this.#shell.pid, name);
    } catch {
      // All of its processes have ended.
    }
  }

  #changed(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** Background commands are not waited for. */
const chained = (command: string, index: number, all: readonly string[]) =>
  index === all.length - 1 || command.endsWith("&") ? command : `${command} &&`;

/** Child processes that end when this one does, even if it is killed without a chance to clean up. */

import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";

/**
 * The shell turns into the command, so that its process id is the command's. Beside it waits a
 * subshell for the end of a pipe that only this process holds open: the kernel closes it however this
 * process ends. Then the directory that goes with the process is removed, and the whole group is killed, what is
 * stopped by SIGSTOP included. (A background command reads from /dev/null, hence the third descriptor.)
 */
const LEASH =
  'd=$1; shift; exec 3<&0; { cat <&3; [ -z "$d" ] || rm -rf "$d"; kill -9 -$$; } >/dev/null 2>&1 & exec "$@" 3<&- </dev/null';

/** A child process. Its standard input is the pipe of the guard: it reads nothing itself. */
export interface LeashedProcess {
  readonly child: ChildProcess;
  /** Resolves when the process has ended, or could not be started. */
  readonly ended: Promise<void>;
  /** Sends a signal to the process itself. */
  signal(name: NodeJS.Signals): void;
  /** Sends SIGTERM, and after `graceMs` SIGKILL; resolves when the process has ended. */
  stop(graceMs?: number): Promise<void>;
  /** Sends SIGKILL, and resolves when the process has ended. */
  kill(): Promise<void>;
}

export interface LeashOptions extends Omit<SpawnOptions, "stdio" | "detached"> {
  output: "pipe" | "ignore";
  /** Removed once the process has ended or this one has. @default - none */
  directory?: string;
}

/**
 * Starts a process under this guard, in a process group of its own. Ctrl-C in the terminal therefore reaches only
 * this process, which then ends its children in order. Where there is no `sh` (Windows), there is no guard, and a
 * child outlives a parent that was killed.
 */
export function spawnLeashed(
  command: string,
  args: readonly string[],
  options: LeashOptions,
): LeashedProcess {
  const { output, directory = "", ...rest } = options;
  const shell = process.platform !== "win32";
  const child = spawn(
    shell ? "/bin/sh" : command,
    shell ? ["-c", LEASH, "sh", directory, command, ...args] : args,
    { ...rest, detached: shell, stdio: ["pipe", output, output] },
  );
  const ended = new Promise<void>((resolve) => {
    const release = () => {
      child.stdin?.destroy();
      resolve();
    };
    child.once("exit", release);
    child.once("error", release);
  });
  child.stdin?.on("error", () => {});
  const send = (pid: number, name: NodeJS.Signals) => {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended already.
    }
  };
  const signal = (name: NodeJS.Signals) => {
    if (child.pid !== undefined) send(child.pid, name);
  };
  // The whole group, for a shell may stand between this process and the command.
  const end = () => {
    if (child.pid !== undefined) send(shell ? -child.pid : child.pid, "SIGKILL");
  };
  return {
    child,
    ended,
    signal,
    async stop(graceMs = 2000) {
      signal("SIGTERM");
      signal("SIGCONT");
      const timer = setTimeout(end, graceMs);
      await ended;
      clearTimeout(timer);
    },
    async kill() {
      end();
      await ended;
    },
  };
}

/**
 * Waits until a process prints a text.
 *
 * @returns undefined once it did; all its output if it ends without
 */
export async function outputWithout(
  child: ChildProcess,
  text: string,
): Promise<string | undefined> {
  let output = "";
  const found = new Promise<undefined>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        output += chunk;
        if (output.includes(text)) resolve(undefined);
      });
    }
  });
  const ended = once(child, "exit").then(
    () => output || "it ended without a word",
    (error: Error) => error.message,
  );
  return Promise.race([found, ended]);
}

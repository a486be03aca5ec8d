/** Child processes that end with this process, even if it is killed. */

import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";

/**
 * The shell executes the command in its own process, so the process id is the command's. A subshell waits for the end of a pipe
 * that only this process holds open; the kernel closes it however this process ends. Then the subshell removes the process's
 * directory and kills the process group, including suspended processes. (A background command reads from /dev/null, hence the
 * third descriptor.)
 */
const GUARD_SCRIPT =
  'd=$1; shift; exec 3<&0; { cat <&3; [ -z "$d" ] || rm -rf "$d"; kill -9 -$$; } >/dev/null 2>&1 & exec "$@" 3<&- </dev/null';

/** A child process. Its standard input is the guard's pipe, so it reads nothing itself. */
export interface GuardedProcess {
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

export interface GuardOptions extends Omit<SpawnOptions, "stdio" | "detached"> {
  output: "pipe" | "ignore";
  /** Removed when the process or this one has ended. @default - none */
  directory?: string;
}

/**
 * Starts a process with this guard in a new process group. So Ctrl-C in the terminal reaches only this process, which then ends
 * its children gracefully. Without `sh` (Windows) there is no guard, and children outlive a killed parent.
 */
export function spawnGuarded(
  command: string,
  args: readonly string[],
  options: GuardOptions,
): GuardedProcess {
  const { output, directory = "", ...rest } = options;
  const shell = process.platform !== "win32";
  const child = spawn(
    shell ? "/bin/sh" : command,
    shell ? ["-c", GUARD_SCRIPT, "sh", directory, command, ...args] : args,
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
  // The whole group, because there may be a shell between this process and the command.
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
 * @returns undefined when it has printed the text; all its output if it ends without it
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
    () => output || "it ended without any output",
    (error: Error) => error.message,
  );
  return Promise.race([found, ended]);
}

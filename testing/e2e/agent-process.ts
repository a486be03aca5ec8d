/** An agent in a separate process, so that it can be killed and suspended. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buildSync } from "esbuild";

const programs = new Map<string, string>();

/** The bundled program, which starts ten times as fast as its sources. */
function bundled(file: string): string {
  const program =
    programs.get(file) ??
    buildSync({
      entryPoints: [join(__dirname, file)],
      bundle: true,
      platform: "node",
      conditions: ["agent-heartbeat-source"],
      write: false,
      logLevel: "silent",
    }).outputFiles[0]?.text ??
    "";
  programs.set(file, program);
  return program;
}

export interface AgentProcess {
  child: ChildProcess;
  /** Resolves at the agent's first ack. */
  acknowledged: Promise<void>;
  /** Resolves when a worker begins to drain. */
  draining: Promise<void>;
  /** Resolves when the process ends by itself, to its exit code and what it printed. */
  exited: Promise<{ code: number | null; printed: string[] }>;
  /** Kills the process, whatever its state. */
  end(): Promise<void>;
}

/** What runs a program from its sources: a bundle has no file for the heartbeat thread. */
const FROM_SOURCES = ["--conditions=agent-heartbeat-source", "--import", "tsx"];

/**
 * @param settings options of `HeartbeatAgent`, as JSON
 * @param file the program, in this folder
 * @param threaded whether it has its heartbeats in a thread
 */
export function startAgent(settings: object, file = "agent.ts", threaded = false): AgentProcess {
  const program = threaded ? [...FROM_SOURCES, join(__dirname, file)] : ["-"];
  const child = spawn(process.execPath, [...program, JSON.stringify(settings)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(threaded ? "" : bundled(file));
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const printed: string[] = [];
  lines.on("line", (line) => printed.push(line));
  const printing = (wanted: string) => {
    const found = new Promise<void>((resolve, reject) => {
      lines.on("line", (line) => line === wanted && resolve());
      exited.then(() => reject(new Error(`the agent ended before it printed ${wanted}`)), reject);
    });
    found.catch(() => undefined);
    return found;
  };
  return {
    child,
    acknowledged: printing("acknowledged"),
    draining: printing("draining"),
    exited: Promise.all([exited, once(lines, "close")]).then(([[code]]) => ({ code, printed })),
    async end() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

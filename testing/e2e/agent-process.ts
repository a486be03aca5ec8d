/** An agent in a separate process, so that it can be killed and suspended. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { buildSync } from "esbuild";

const ROOT = join(__dirname, "../..");

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

function commandOf(program: Program, threaded: boolean): [string, ...string[]] {
  if (AGENT_HEARTBEAT_PYTHON) {
    return [resolve(ROOT, AGENT_HEARTBEAT_PYTHON), join(__dirname, "agent_program.py"), program];
  }
  if (threaded) return [process.execPath, ...FROM_SOURCES, join(__dirname, `${program}.ts`)];
  return [process.execPath, "-"];
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

/** A Python that has the client's dependencies: with it, agents are those of the Python client. */
const { AGENT_HEARTBEAT_PYTHON } = process.env;

/** The Python client sends heartbeats from a separate process, which continues while the agent's is stopped. */
export const outlivesStop = AGENT_HEARTBEAT_PYTHON !== undefined;

export type Program = "agent" | "worker" | "spinner";

/**
 * @param settings options of `HeartbeatAgent`, as JSON
 * @param program the program, in this folder
 * @param threaded whether it has its heartbeats in a thread
 */
export function startAgent(
  settings: object,
  program: Program = "agent",
  threaded = false,
): AgentProcess {
  const given = JSON.stringify(settings);
  const [command, ...args] = commandOf(program, threaded);
  const child = spawn(command, [...args, given], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(args[0] === "-" ? bundled(`${program}.ts`) : "");
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

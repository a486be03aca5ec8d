/** An agent in a separate process, so that it can be killed and suspended. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buildSync } from "esbuild";

let program: string | undefined;

/** The bundled program, which starts ten times as fast as its sources. */
function bundled(): string {
  program ??= buildSync({
    entryPoints: [join(__dirname, "agent.ts")],
    bundle: true,
    platform: "node",
    conditions: ["agent-heartbeat-source"],
    write: false,
    logLevel: "silent",
  }).outputFiles[0]?.text;
  return program as string;
}

export interface AgentProcess {
  child: ChildProcess;
  /** Resolves at the agent's first ack. */
  acknowledged: Promise<void>;
  /** Kills the process, whatever its state. */
  end(): Promise<void>;
}

/** @param settings options of `HeartbeatAgent`, as JSON */
export function startAgent(settings: object): AgentProcess {
  const child = spawn(process.execPath, ["-", JSON.stringify(settings)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(bundled());
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const acknowledged = new Promise<void>((resolve, reject) => {
    lines.on("line", (line) => line === "acknowledged" && resolve());
    exited.then(() => reject(new Error("the agent ended before its first ack")), reject);
  });
  acknowledged.catch(() => undefined);
  return {
    child,
    acknowledged,
    async end() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

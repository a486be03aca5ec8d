/** An agent in a separate process, so that it can be killed and suspended. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

const ROOT = join(__dirname, "../..");

export interface AgentProcess {
  child: ChildProcess;
  /** Resolves at the agent's first ack. */
  acknowledged: Promise<void>;
  /** Kills the process, whatever its state. */
  end(): Promise<void>;
}

/** @param settings options of `HeartbeatAgent`, as JSON */
export function startAgent(settings: object): AgentProcess {
  const child = spawn(
    process.execPath,
    [
      "--conditions=agent-heartbeat-source",
      "--import",
      "tsx",
      join(__dirname, "agent.ts"),
      JSON.stringify(settings),
    ],
    { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] },
  );
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

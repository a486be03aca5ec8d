/**
 * A planner that gives each task to one living worker, and three workers in processes of their own. One of them dies at work:
 * the planner is not left waiting, and another worker gets the task.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { HeartbeatAgent } from "@agent-heartbeat/sdk";
import { settingsFromEnvironment } from "../settings";

interface Summary {
  summary: string;
  by: string;
  attempt: number;
}

const settings = settingsFromEnvironment();

async function main(): Promise<void> {
  const workers = [1, 2, 3].map((number) =>
    fork(join(__dirname, "worker.ts"), {
      env: { ...process.env, AGENT_HEARTBEAT_AGENT: `${settings.agentId}-${number}` },
    }),
  );
  const planner = new HeartbeatAgent(settings);
  try {
    await Promise.all([planner.start(), ...workers.map((worker) => once(worker, "message"))]);
    for (let page = 1; page <= 5; page++) {
      const { summary, by, attempt } = await planner.request<Summary>(
        "pages.summarize",
        { page },
        { timeout: 60, retries: 2 },
      );
      console.log(`${summary}, by ${by}, attempt ${attempt}`);
    }
  } finally {
    for (const worker of workers) worker.kill();
    await planner.stop();
  }
}

void main();

/**
 * The program of a demo agent. It works on tasks for some seconds each, and occasionally stalls. The planner sends out the
 * tasks.
 */

import { setTimeout as pause } from "node:timers/promises";
import { HeartbeatAgent, type NodeAgentOptions } from "@agent-heartbeat/sdk";

interface Settings extends NodeAgentOptions {
  /** Agents that the planner sends tasks to. Empty for other agents. */
  workers?: string[];
}

const STUCK_IN = 15;
const STUCK_MS = 45_000;

/** Seconds without progress after which a task counts as stalled. */
const MAX_SILENCE = 15;

const { workers = [], ...options } = JSON.parse(process.argv[2] ?? "{}") as Settings;

const agent = new HeartbeatAgent(options);

agent.onMessage(
  `tasks.${options.agentId}`,
  async () => {
    if (chance(STUCK_IN)) await pause(STUCK_MS);
    const steps = 2 + Math.floor(Math.random() * 4);
    for (let step = 1; step <= steps; step++) {
      await pause(1000 + Math.random() * 2000);
      agent.progress(`step ${step} of ${steps}`);
    }
  },
  { maxSilence: MAX_SILENCE },
);

void handOut();
void agent.run().then(() => process.exit(0));

async function handOut(): Promise<void> {
  while (workers.length > 0) {
    await pause(2000 + Math.random() * 3000);
    const worker = workers[Math.floor(Math.random() * workers.length)];
    // A worker that is offline does not receive its task.
    await agent.publish(`tasks.${worker}`, { at: Date.now() }).catch(() => undefined);
  }
}

/** True with a probability of 1 in `times`. */
function chance(times: number): boolean {
  return Math.random() * times < 1;
}

/**
 * A worker that calls a language model step by step and reports progress. If it stops making
 * progress it is shown as stalled, although its heartbeats continue.
 */

import { setTimeout as pause } from "node:timers/promises";
import { HeartbeatAgent } from "@agent-heartbeat/sdk";
import { settingsFromEnvironment } from "../settings";

const agent = new HeartbeatAgent({
  ...settingsFromEnvironment(),
  heartbeatInterval: 5,
  capabilities: ["research"],
});

agent.onMessage(
  "tasks.research",
  async (_subject, data) => {
    const { question = "?", steps = 5 } = data as { question?: string; steps?: number };
    const findings: string[] = [];
    for (let step = 1; step <= steps; step++) {
      findings.push(await askModel(`${question}, step ${step}`));
      agent.progress(`step ${step} of ${steps}`);
    }
    return findings;
  },
  // A step may take a minute. After that the worker counts as stalled.
  { maxSilence: 60 },
);

agent.on("state", ({ state }) => console.log(state));

void agent.run();

/** Simulates a call to a model. */
async function askModel(prompt: string): Promise<string> {
  await pause(1000);
  return `an answer to "${prompt}"`;
}

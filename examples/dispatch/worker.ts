/** A worker of the dispatch example: one of a group, of which each request goes to one living member. */

import { setTimeout as pause } from "node:timers/promises";
import { HeartbeatAgent } from "@agent-heartbeat/sdk";
import { settingsFromEnvironment } from "../settings";

const settings = settingsFromEnvironment();
const agent = new HeartbeatAgent({ ...settings, heartbeatInterval: 5 });

agent.onMessage(
  "pages.summarize",
  async (_subject, data, { attempt }) => {
    const { page } = data as { page: number };
    await pause(200);
    // The third page kills the first worker that gets it.
    if (page === 3 && attempt === 1) process.kill(process.pid, "SIGKILL");
    return { summary: `a summary of page ${page}`, by: settings.agentId, attempt };
  },
  { group: "workers" },
);

// Once the service knows that this worker takes requests.
agent.start().then(() => process.send?.("ready"));
void agent.run();

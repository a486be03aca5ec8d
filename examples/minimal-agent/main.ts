/** The smallest agent: online while it runs, and receives tasks. */

import { HeartbeatAgent } from "@agent-heartbeat/sdk";
import { settingsFromEnvironment } from "../settings";

const agent = new HeartbeatAgent(settingsFromEnvironment());

agent.onMessage("tasks.process", async (subject, data) => {
  console.log(`${subject}:`, data);
});

agent.on("state", ({ state }) => console.log(state));

void agent.run();

/** The least that an agent is: online while it runs, and told of tasks. */

import { HeartbeatAgent } from "@agent-heartbeat/sdk";
import { settingsFromEnvironment } from "../settings";

const agent = new HeartbeatAgent(settingsFromEnvironment());

agent.onMessage("tasks.process", async (subject, data) => {
  console.log(`${subject}:`, data);
});

agent.on("state", ({ state }) => console.log(state));

void agent.run();

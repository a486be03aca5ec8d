/** The program of the container, in plain JavaScript. */

import { HeartbeatAgent } from "@agent-heartbeat/sdk";

const agent = new HeartbeatAgent({
  url: process.env.AGENT_HEARTBEAT_URL,
  organizationId: process.env.AGENT_HEARTBEAT_ORGANIZATION,
  agentId: process.env.AGENT_HEARTBEAT_AGENT,
  privateKeyPath: process.env.AGENT_HEARTBEAT_KEY,
});

agent.onMessage("tasks.process", (_subject, data) => console.log("working on", data));
agent.on("state", ({ state, reason }) => console.log(`${state}: ${reason}`));

// `docker stop` sends SIGTERM: the agent finishes its tasks and goes offline as drained.
await agent.run();

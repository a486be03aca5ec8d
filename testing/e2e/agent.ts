/** The program of an agent process. */

import { HeartbeatAgent } from "@agent-heartbeat/sdk";

const agent = new HeartbeatAgent(JSON.parse(process.argv[2] ?? "{}"));
const poll = setInterval(() => {
  if (!agent.getConnectionHealth().healthy) return;
  clearInterval(poll);
  console.log("acknowledged");
}, 20);
void agent.run().finally(() => clearInterval(poll));

/** The program of an agent whose handler never returns its event loop, while a thread goes on with the heartbeats. */

import { HeartbeatAgent } from "@agent-heartbeat/sdk";

const agent = new HeartbeatAgent({
  ...JSON.parse(process.argv[2] ?? "{}"),
  heartbeatThread: true,
});
agent.onMessage(
  "tasks.spin",
  () => {
    for (;;);
  },
  { maxSilence: 1 },
);
agent.on("ready", () => console.log("acknowledged"));
void agent.run();

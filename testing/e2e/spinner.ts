/** The program of an agent whose handler blocks the event loop forever, while a thread sends the heartbeats. */

import { HeartbeatAgent } from "@agent-heartbeat/sdk";

const agent = new HeartbeatAgent({
  ...JSON.parse(process.argv[2] ?? "{}"),
  heartbeatThread: true,
});
agent.onMessage(
  "tasks.spin",
  () => {
    // Like an endless loop, but it leaves the processor to others.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
  { maxSilence: 1 },
);
agent.on("ready", () => console.log("acknowledged"));
void agent.run();

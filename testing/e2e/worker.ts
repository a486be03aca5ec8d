/** The program of a worker that answers requests, as the guide writes it: it ends by itself when `run()` returns. */

import { setTimeout as pause } from "node:timers/promises";
import { HeartbeatAgent } from "@agent-heartbeat/sdk";

const agent = new HeartbeatAgent(JSON.parse(process.argv[2] ?? "{}"));
agent.onMessage("tasks.*", async (_, n) => {
  await pause(20);
  return { n, by: process.pid };
});
// A signal that comes after the agent's end does not take the exit code away.
process.on("SIGTERM", () => {});
agent.on("ready", () => console.log("acknowledged"));
agent.on("state", ({ state }) => state === "draining" && console.log(state));
void agent.run().then((end) => console.log(`ended: ${end}`));

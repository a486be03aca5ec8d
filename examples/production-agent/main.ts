/** An agent for production: it says what it can do, works on tasks, watches its own health, and leaves in order. */

import { HeartbeatAgent } from "@agent-heartbeat/sdk";
import { settingsFromEnvironment } from "../settings";

const HEALTH_REPORT_MS = 10_000;

const agent = new HeartbeatAgent({
  ...settingsFromEnvironment(),
  heartbeatInterval: 30,
  heartbeatTimeoutMultiplier: 3.0,
  // A blocked event loop must not read as death.
  heartbeatThread: true,
  drainTimeout: 60,
  capabilities: ["summarize", "translate"],
  metadata: { version: "1.4.2", region: process.env.AWS_REGION ?? "local" },
});

agent.onMessage("tasks.process", async (_subject, data) => {
  const { text = "" } = data as { text?: string };
  return { summary: text.slice(0, 80) };
});

agent.on("state", ({ state, reason }) => log("state", { state, reason }));
agent.on("attemptFailed", ({ error }) => log("attempt_failed", { error: error.message }));
agent.on("handlerError", ({ subject, error }) =>
  log("handler_failed", { subject, error: String(error) }),
);

const report = setInterval(() => {
  const { healthy, secondsSinceAck, roundTripMs, reconnectAttempts } = agent.getConnectionHealth();
  log("health", { healthy, secondsSinceAck, roundTripMs, reconnectAttempts });
}, HEALTH_REPORT_MS);

// Ends by SIGTERM, after the tasks at hand, or when another process takes over.
const end = agent.run().finally(() => clearInterval(report));
void end.then((how) => log("ended", { how }));

function log(event: string, fields: object): void {
  console.log(JSON.stringify({ event, ...fields }));
}

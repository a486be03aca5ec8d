/**
 * An agent for production: declares its capabilities, handles tasks, monitors its health and shuts
 * down gracefully.
 */

import { HeartbeatAgent } from "@agent-heartbeat/sdk";
import { settingsFromEnvironment } from "../settings";

const HEALTH_REPORT_MS = 10_000;

const agent = new HeartbeatAgent({
  ...settingsFromEnvironment(),
  heartbeatInterval: 30,
  heartbeatTimeoutMultiplier: 3.0,
  // A blocked event loop must not make the agent look dead.
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

// Resolves after SIGTERM once the current tasks are finished, or when another process takes over.
const end = agent.run().finally(() => clearInterval(report));
void end.then((reason) => log("ended", { reason }));

function log(event: string, fields: object): void {
  console.log(JSON.stringify({ event, ...fields }));
}

/** The CDK app: one stack. Copy it, or use the `AgentHeartbeat` construct in your own app. */

import { App } from "aws-cdk-lib";
import { AgentHeartbeatStack } from "../lib/agent-heartbeat-stack";

const app = new App();

new AgentHeartbeatStack(app, "AgentHeartbeat", {
  description: "Presence of agents: who is online, and why the others are not",
});

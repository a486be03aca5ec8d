/** The CDK app: one stack with everything. Copy it, or put the `AgentHeartbeat` construct into an app of your own. */

import { App } from "aws-cdk-lib";
import { AgentHeartbeatStack } from "../lib/agent-heartbeat-stack";

const app = new App();

new AgentHeartbeatStack(app, "AgentHeartbeat", {
  description: "Presence of agents: who is online, and why the others are not",
});

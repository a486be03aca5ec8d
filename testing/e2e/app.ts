/**
 * The stacks of the end-to-end suite: as it is by default, and with heartbeats that go to DynamoDB directly and
 * sweeps that a queue starts.
 */

import { App, Duration } from "aws-cdk-lib";
import { AgentHeartbeatStack } from "../../lib/agent-heartbeat-stack";

const app = new App();
new AgentHeartbeatStack(app, "AgentHeartbeat");
new AgentHeartbeatStack(app, "AgentHeartbeatDirect", {
  dashboard: false,
  heartbeatIntegration: "direct",
  sweepInterval: Duration.seconds(10),
});

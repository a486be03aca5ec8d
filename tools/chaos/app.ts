/** The stack of a chaos run: as it is deployed, but for a shorter least interval, so that minutes hold many leases. */

import { App, CfnResource, Duration } from "aws-cdk-lib";
import { CfnFunction } from "aws-cdk-lib/aws-lambda";
import { AgentHeartbeatStack } from "../../lib/agent-heartbeat-stack";

const app = new App();
const stack = new AgentHeartbeatStack(app, "AgentHeartbeat", {
  dashboard: false,
  sweepInterval: Duration.minutes(1),
  // The judge wants every transition at once; what the brake withholds has tests of its own.
  selfPreservation: false,
});

// Below what the construct takes, for it is meant for tests alone.
const MIN_INTERVAL = "Environment.Variables.MIN_HEARTBEAT_INTERVAL_MS";
for (const construct of stack.node.findAll()) {
  if (!CfnResource.isCfnResource(construct) || !(construct instanceof CfnFunction)) continue;
  if (construct.node.path.includes("Authorize")) {
    construct.addPropertyOverride(MIN_INTERVAL, "1000");
  }
}

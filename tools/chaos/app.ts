/** The stack of a chaos run: as deployed, but with a shorter minimum interval, so that a run contains many leases. */

import { App, CfnResource, Duration } from "aws-cdk-lib";
import { CfnFunction } from "aws-cdk-lib/aws-lambda";
import { AgentHeartbeatStack } from "../../lib/agent-heartbeat-stack";
import { RESERVED } from "./hostile/concurrency";

const app = new App();
const stack = new AgentHeartbeatStack(app, "AgentHeartbeat", {
  dashboard: false,
  sweepInterval: Duration.minutes(1),
  ...(process.argv.includes("--hostile")
    ? { reservedConcurrency: RESERVED }
    : // The checker of faults expects every transition at once.
      { selfPreservation: false }),
});

// Below the construct's limit, because it is for tests only.
const MIN_INTERVAL = "Environment.Variables.MIN_HEARTBEAT_INTERVAL_MS";
for (const construct of stack.node.findAll()) {
  if (!CfnResource.isCfnResource(construct) || !(construct instanceof CfnFunction)) continue;
  // Those that read login tokens.
  if (/Authorize|Http/.test(construct.node.path)) {
    construct.addPropertyOverride(MIN_INTERVAL, "1000");
  }
}

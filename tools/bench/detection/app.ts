/** The stack with the sweep interval from the environment variable `SWEEP_SECONDS`. */

import { App, Duration } from "aws-cdk-lib";
import { AgentHeartbeatStack } from "../../../lib/agent-heartbeat-stack";

new AgentHeartbeatStack(new App(), "AgentHeartbeat", {
  dashboard: false,
  sweepInterval: Duration.seconds(Number(process.env.SWEEP_SECONDS)),
  // The whole fleet dies, one by one.
  selfPreservation: false,
});

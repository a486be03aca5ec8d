/** The stack with a sweep as often as the environment says: `SWEEP_SECONDS`. */

import { App, Duration } from "aws-cdk-lib";
import { AgentHeartbeatStack } from "../../../lib/agent-heartbeat-stack";

new AgentHeartbeatStack(new App(), "AgentHeartbeat", {
  dashboard: false,
  sweepInterval: Duration.seconds(Number(process.env.SWEEP_SECONDS)),
  // The whole fleet dies, one by one.
  selfPreservation: false,
});

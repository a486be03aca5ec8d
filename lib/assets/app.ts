/** The app whose assets the package carries: with every function that any setting has, and with the page. */

import { App, Duration } from "aws-cdk-lib";
import { AgentHeartbeatStack } from "../agent-heartbeat-stack";

const app = new App();
new AgentHeartbeatStack(app, "Default");
new AgentHeartbeatStack(app, "FastSweeps", {
  sweepInterval: Duration.seconds(10),
  dashboard: false,
});

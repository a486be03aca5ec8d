/** The stack for MiniStack: the same but for the resource types that the emulator does not know. */

import { App, CfnResource } from "aws-cdk-lib";
import { AgentHeartbeatStack } from "../../lib/agent-heartbeat-stack";

/** Resource types that the emulator refuses, with what is missing without them. */
const UNKNOWN_TYPES: Readonly<Record<string, string>> = {
  "AWS::ApiGatewayV2::RouteResponse": "replies of routes: heartbeat_ack and all others",
};

const app = new App();
const stack = new AgentHeartbeatStack(app, "AgentHeartbeat", { dashboard: false });
for (const construct of stack.node.findAll()) {
  if (CfnResource.isCfnResource(construct) && construct.cfnResourceType in UNKNOWN_TYPES) {
    construct.node.scope?.node.tryRemoveChild(construct.node.id);
  }
}

/** The stack under test: the stack of `bin/app.ts`, but with all resources deleted at its removal. */

import { App, CfnResource, RemovalPolicy } from "aws-cdk-lib";
import { AgentHeartbeatStack } from "../../lib/agent-heartbeat-stack";
import { HISTORY_BURST } from "./checks";
import { type Emulation, emulatedAddress } from "./emulation";

const app = new App();
const stackName: string = app.node.getContext("stackName");
const emulation: string | undefined = app.node.tryGetContext("emulation");

const stack = new AgentHeartbeatStack(app, stackName, {
  description: "A test of Agent Heartbeat, which deletes it when it ends",
  removalPolicy: RemovalPolicy.DESTROY,
  // One route has a very low limit, so that a check can see what a throttled client receives.
  throttling: {
    rateLimit: 2000,
    burstLimit: 1000,
    routes: { history: { rateLimit: HISTORY_BURST, burstLimit: HISTORY_BURST } },
  },
  ...(emulation && { dashboard: false, alarms: false }),
});
if (emulation) adapt(JSON.parse(emulation));

/** Removes what the emulator does not support, and replaces addresses of AWS with its own. */
function adapt(emulation: Emulation): void {
  for (const response of resourcesOf("AWS::ApiGatewayV2::RouteResponse")) {
    response.node.scope?.node.tryRemoveChild(response.node.id);
  }
  for (const deployment of resourcesOf("AWS::ApiGatewayV2::Deployment")) {
    deployment.node.scope?.node.tryRemoveChild(deployment.node.id);
  }
  for (const stage of resourcesOf("AWS::ApiGatewayV2::Stage")) {
    stage.addPropertyDeletionOverride("DeploymentId");
    stage.addPropertyOverride("AutoDeploy", true);
  }
  for (const mapping of resourcesOf("AWS::Lambda::EventSourceMapping")) {
    mapping.addPropertyDeletionOverride("FilterCriteria");
  }
  const [api] = resourcesOf("AWS::ApiGatewayV2::Api");
  const { webSocketUrl, callbackUrl } = emulatedAddress(emulation, api?.ref ?? "");
  for (const lambda of resourcesOf("AWS::Lambda::Function")) {
    const { Properties } = stack.resolve(lambda._toCloudFormation()).Resources[
      stack.resolve(lambda.logicalId)
    ];
    if (Properties.Environment?.Variables.CALLBACK_URL === undefined) continue;
    lambda.addPropertyOverride("Environment.Variables.CALLBACK_URL", callbackUrl);
  }
  const output = stack.agentHeartbeat.outputs.get("WebSocketUrl");
  if (output) output.value = webSocketUrl;
}

function resourcesOf(type: string): CfnResource[] {
  return stack.node
    .findAll()
    .filter(CfnResource.isCfnResource)
    .filter(({ cfnResourceType }) => cfnResourceType === type);
}

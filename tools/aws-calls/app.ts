/** The stack whose calls are recorded. Each function signs with an access key that contains its name. */

import { App, Aspects, CfnResource } from "aws-cdk-lib";
import type { IConstruct } from "constructs";
import { AgentHeartbeatStack } from "../../lib/agent-heartbeat-stack";

const app = new App();
const stack = new AgentHeartbeatStack(app, "AgentHeartbeat", { dashboard: false });
Aspects.of(stack).add({
  visit(node: IConstruct) {
    if (!CfnResource.isCfnResource(node) || node.cfnResourceType !== "AWS::Lambda::Function")
      return;
    const { Properties } = stack.resolve(node._toCloudFormation()).Resources[
      stack.resolve(node.logicalId)
    ];
    const entry = Properties.Environment.Variables.POWERTOOLS_SERVICE_NAME;
    node.addPropertyOverride("Environment.Variables.AWS_ACCESS_KEY_ID", entry);
  },
});

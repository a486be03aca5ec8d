/** A stack with one `AgentHeartbeat`, whose outputs have no prefix. */

import { Stack, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import type { Names } from "../core/unknown-names";
import { AgentHeartbeat } from "./agent-heartbeat";
import { propsIn } from "./prop-names";
import type { AgentHeartbeatProps } from "./props";

/** The names that are none of the construct's. */
const STACK_PROPS: Names<StackProps> = {
  description: true,
  env: true,
  stackName: true,
  tags: true,
  notificationArns: true,
  synthesizer: true,
  terminationProtection: true,
  analyticsReporting: true,
  crossRegionReferences: true,
  permissionsBoundary: true,
  suppressTemplateIndentation: true,
  propertyInjectors: true,
};

export interface AgentHeartbeatStackProps extends StackProps, AgentHeartbeatProps {}

export class AgentHeartbeatStack extends Stack {
  /** The construct in the stack. */
  readonly agentHeartbeat: AgentHeartbeat;

  constructor(scope: Construct, id: string, props: AgentHeartbeatStackProps = {}) {
    super(scope, id, props);
    this.agentHeartbeat = new AgentHeartbeat(this, "Presence", propsIn(props, STACK_PROPS));
    for (const [name, output] of this.agentHeartbeat.outputs) output.overrideLogicalId(name);
  }
}

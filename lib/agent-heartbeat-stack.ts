/** A stack with one `AgentHeartbeat`, whose outputs have no prefix. */

import { Stack, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { AgentHeartbeat } from "./agent-heartbeat";
import type { AgentHeartbeatProps } from "./props";

export interface AgentHeartbeatStackProps extends StackProps, AgentHeartbeatProps {}

export class AgentHeartbeatStack extends Stack {
  /** The construct in the stack. */
  readonly agentHeartbeat: AgentHeartbeat;

  constructor(scope: Construct, id: string, props: AgentHeartbeatStackProps = {}) {
    super(scope, id, props);
    this.agentHeartbeat = new AgentHeartbeat(this, "Presence", props);
    for (const [name, output] of this.agentHeartbeat.outputs) output.overrideLogicalId(name);
  }
}

/** A stack with one `AgentHeartbeat`, whose outputs need no further name. */

import { Stack, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { AgentHeartbeat } from "./agent-heartbeat";
import type { AgentHeartbeatProps } from "./props";

export interface AgentHeartbeatStackProps extends StackProps, AgentHeartbeatProps {}

export class AgentHeartbeatStack extends Stack {
  /** What the stack holds. */
  readonly agentHeartbeat: AgentHeartbeat;

  constructor(scope: Construct, id: string, props: AgentHeartbeatStackProps = {}) {
    super(scope, id, props);
    this.agentHeartbeat = new AgentHeartbeat(this, "Presence", props);
    for (const [name, output] of this.agentHeartbeat.outputs) output.overrideLogicalId(name);
  }
}

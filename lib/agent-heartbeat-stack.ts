/** A stack with one `AgentHeartbeat` and the outputs by which the SDK and the command line find it. */

import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
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
    const { webSocketUrl, customDomainTarget, statusTable, registryTable, eventBus } =
      this.agentHeartbeat;
    const { dashboardUrl, dashboardDomainTarget } = this.agentHeartbeat;
    this.#output("WebSocketUrl", webSocketUrl, "Where agents connect");
    this.#output("StatusTableName", statusTable.tableName, "Who is online: derive, don't trust");
    this.#output("RegistryTableName", registryTable.tableName, "Agents and their public keys");
    this.#output("EventBusName", eventBus.eventBusName, "Where Agent Online and Offline are told");
    if (customDomainTarget !== undefined) {
      this.#output("CustomDomainTarget", customDomainTarget, "What the domain's record points at");
    }
    if (dashboardUrl !== undefined) {
      this.#output("DashboardUrl", dashboardUrl, "Open it with: agent-heartbeat dashboard");
    }
    if (dashboardDomainTarget !== undefined) {
      const what = "What the record of the dashboard's domain points at";
      this.#output("DashboardDomainTarget", dashboardDomainTarget, what);
    }
  }

  #output(id: string, value: string, description: string): void {
    new CfnOutput(this, id, { value, description });
  }
}

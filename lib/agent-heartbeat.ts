/** The whole service as one construct: it reads as the table of contents of the system. */

import type { Table } from "aws-cdk-lib/aws-dynamodb";
import { EventBus } from "aws-cdk-lib/aws-events";
import { Construct } from "constructs";
import { Dashboard } from "./dashboard";
import { MessageEvents } from "./message-events";
import { Monitoring } from "./monitoring";
import { type AgentHeartbeatProps, settingsOf } from "./props";
import { Storage } from "./storage";
import { Sweep } from "./sweep";
import { Transitions } from "./transitions";
import { WebSocketGateway } from "./websocket-gateway";

/** Presence of agents: a WebSocket endpoint, the tables behind it, the sweep, and events in and out. */
export class AgentHeartbeat extends Construct {
  /** Where agents connect: `wss://<api>.execute-api.<region>.amazonaws.com/prod`. */
  readonly webSocketUrl: string;
  /** One row an agent that has ever connected. Its stored status must be derived: see the guide. */
  readonly statusTable: Table;
  /** Agents with their public keys, and used login tokens. */
  readonly registryTable: Table;
  /** Where transitions are told, and from where `Agent Message` events reach agents. */
  readonly eventBus: EventBus;
  /** Where the page is on which people see the fleet; undefined without a dashboard. */
  readonly dashboardUrl: string | undefined;

  /** @throws Error if a setting is outside its limits */
  constructor(scope: Construct, id: string, props: AgentHeartbeatProps = {}) {
    super(scope, id);
    const settings = settingsOf(props);
    const eventBus = new EventBus(this, "Events");
    const storage = new Storage(this, "Storage", settings);
    const gateway = new WebSocketGateway(this, "Gateway", { ...settings, storage });
    const sweep = new Sweep(this, "Sweep", { ...settings, storage, gateway });
    const transitions = new Transitions(this, "Transitions", {
      ...settings,
      storage,
      gateway,
      eventBus,
    });
    const messages = new MessageEvents(this, "MessageEvents", { ...settings, gateway, eventBus });
    if (settings.alarms) {
      new Monitoring(this, "Monitoring", {
        ...settings,
        functions: {
          ...gateway.functions,
          sweep: sweep.function,
          transitions: transitions.function,
          deliver: messages.function,
        },
        tables: [storage.statusTable, storage.registryTable, storage.subscriptionsTable],
        undelivered: [transitions.undelivered, messages.undelivered],
      });
    }

    const dashboard = settings.dashboard
      ? new Dashboard(this, "Dashboard", { ...settings, webSocketUrl: gateway.url })
      : undefined;

    this.webSocketUrl = gateway.url;
    this.statusTable = storage.statusTable;
    this.registryTable = storage.registryTable;
    this.eventBus = eventBus;
    this.dashboardUrl = dashboard?.url;
  }
}

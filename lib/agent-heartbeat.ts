/** The whole service as one construct, and its table of contents. */

import { type CfnOutput, Names } from "aws-cdk-lib";
import type { IMetric, MetricOptions } from "aws-cdk-lib/aws-cloudwatch";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import { type CfnEventBus, EventBus, type IEventBus } from "aws-cdk-lib/aws-events";
import type { IGrantable } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { BundledFunction, type FunctionSettings } from "./bundled-function";
import { CloudWatchDashboard } from "./cloudwatch-dashboard";
import { Dashboard } from "./dashboard-hosting";
import { admitServices } from "./encryption";
import { grantPublish, grantReadStatus, grantRegister } from "./grants";
import { MessageEvents } from "./message-events";
import { deploymentOf, FleetMetrics, type TransitionReason } from "./metrics";
import { Monitoring } from "./monitoring";
import { type OutputName, publish } from "./outputs";
import type { AgentHeartbeatProps } from "./props";
import { settingsOf } from "./settings";
import { Storage } from "./storage";
import { Sweep } from "./sweep";
import { Transitions } from "./transitions";
import { WebSocketGateway } from "./websocket-gateway";

/** Presence of agents: a WebSocket endpoint, the tables behind it, the sweep, and events in and out. */
export class AgentHeartbeat extends Construct {
  /** Where agents connect: `wss://<api>.execute-api.<region>.amazonaws.com/prod`, or the custom domain. */
  readonly webSocketUrl: string;
  /** What the record of a custom domain's name has to point at, if no hosted zone was given. */
  readonly customDomainTarget: string | undefined;
  /** One row an agent that has ever connected. Its stored status must be derived: see the guide. */
  readonly statusTable: ITable;
  /** Agents with their public keys, and used login tokens. */
  readonly registryTable: ITable;
  /** Where transitions are published, and from where `Agent Message` events reach agents. */
  readonly eventBus: IEventBus;
  /** Where the page is on which people see the fleet; undefined without a dashboard. */
  readonly dashboardUrl: string | undefined;
  /** What the record of the dashboard's domain has to point at, if no hosted zone was given. */
  readonly dashboardDomainTarget: string | undefined;
  /** What the deployed stack says of the construct, by what the outputs' names end in. */
  readonly outputs: ReadonlyMap<OutputName, CfnOutput>;
  readonly #metrics: FleetMetrics;

  /** @throws Error if a setting is outside its limits */
  constructor(scope: Construct, id: string, props: AgentHeartbeatProps = {}) {
    super(scope, id);
    const settings = settingsOf(props);
    const { encryptionKey } = settings;
    if (encryptionKey) admitServices(this, encryptionKey);
    const deployment = deploymentOf(this);
    const functions: FunctionSettings = {
      deployment,
      logRetention: settings.logRetention,
      tracing: settings.tracing,
      encryptionKey,
    };
    const eventBus = settings.eventBus ?? busIn(this);
    const storage = new Storage(this, "Storage", {
      tables: settings.tables,
      removalPolicy: settings.removalPolicy,
      encryptionKey,
    });
    const gateway = new WebSocketGateway(this, "Gateway", { settings, functions, storage });
    const sweep = new Sweep(this, "Sweep", { settings, functions, storage, gateway, eventBus });
    const transitions = new Transitions(this, "Transitions", {
      functions,
      storage,
      gateway,
      eventBus,
      encryptionKey,
    });
    const messages = new MessageEvents(this, "MessageEvents", {
      functions,
      gateway,
      eventBus,
      encryptionKey,
    });
    for (const part of this.node.findAll()) {
      if (part instanceof BundledFunction) storage.grantKeys(part);
    }

    const { authorize, connect, heartbeat, disconnect } = gateway.functions;
    const metrics = new FleetMetrics({
      address: this.node.addr,
      deployment,
      stage: gateway.stage,
      heartbeat,
    });
    const watched = {
      metrics,
      functions: {
        authorize,
        connect,
        heartbeat,
        disconnect,
        sweep: sweep.function,
        transitions: transitions.function,
        deliver: messages.function,
      },
      tables: [storage.statusTable, storage.registryTable, storage.subscriptionsTable],
      undelivered: [transitions.undelivered, messages.undelivered],
    };
    if (settings.alarms) {
      new Monitoring(this, "Monitoring", {
        watched,
        sweepInterval: settings.sweepInterval,
        selfPreservation: settings.selfPreservation !== undefined,
        alarmTopic: settings.alarmTopic,
      });
    }
    if (settings.cloudWatchDashboard) {
      new CloudWatchDashboard(this, "CloudWatchDashboard", { watched });
    }

    const dashboard = settings.dashboard
      ? new Dashboard(this, "Dashboard", {
          functions,
          webSocketOrigin: gateway.origin,
          domain: settings.dashboardDomain,
        })
      : undefined;

    this.webSocketUrl = gateway.url;
    this.customDomainTarget = gateway.customDomainTarget;
    this.statusTable = storage.statusTable;
    this.registryTable = storage.registryTable;
    this.eventBus = eventBus;
    this.dashboardUrl = dashboard?.url;
    this.dashboardDomainTarget = dashboard?.domainTarget;
    this.#metrics = metrics;
    this.outputs = publish(this, {
      WebSocketUrl: this.webSocketUrl,
      StatusTableName: this.statusTable.tableName,
      RegistryTableName: this.registryTable.tableName,
      EventBusName: this.eventBus.eventBusName,
      CustomDomainTarget: this.customDomainTarget,
      DashboardUrl: this.dashboardUrl,
      DashboardDomainTarget: this.dashboardDomainTarget,
    });
  }

  /** Lets a principal read who is online, with profiles and histories: all that `StatusReader` calls. */
  grantReadStatus(grantee: IGrantable): void {
    grantReadStatus(this, grantee);
  }

  /** Lets a principal register agents, change their keys, and revoke them: all that `AgentRegistry` calls. */
  grantRegister(grantee: IGrantable): void {
    grantRegister(this, grantee);
  }

  /** Lets a principal put `Agent Message` events on the bus, and no others: it can't publish transitions. */
  grantPublish(grantee: IGrantable): void {
    grantPublish(this.eventBus, grantee);
  }

  /** Heartbeats that came in. */
  metricHeartbeats(options?: MetricOptions): IMetric {
    return this.#metrics.heartbeats(options);
  }

  /** Heartbeats that were not stored: the function failed, or answered `internal`. */
  metricHeartbeatErrors(options?: MetricOptions): IMetric {
    return this.#metrics.heartbeatErrors(options);
  }

  /** Agents online in all organizations, by their derived status, as each sweep counts them; the maximum by default. */
  metricAgentsOnline(options?: MetricOptions): IMetric {
    return this.#metrics.agentsOnline(options);
  }

  /** How many agents that are online are late by more than a quarter of their interval; the maximum by default. */
  metricHeartbeatsOverdue(options?: MetricOptions): IMetric {
    return this.#metrics.heartbeatsOverdue(options);
  }

  /** Transitions for a reason, `connected` for one, or `lease_expired`; all of them if none is given. */
  metricTransitions(reason?: TransitionReason, options?: MetricOptions): IMetric {
    return this.#metrics.transitions(reason, options);
  }

  /** Agents that died silently, as the sweep found them. */
  metricLeasesExpired(options?: MetricOptions): IMetric {
    return this.#metrics.own("LeasesExpired", "sweep", options);
  }

  /** Logins that were let in by the authorizer, and reached `$connect`. */
  metricConnects(options?: MetricOptions): IMetric {
    return this.#metrics.connects(options);
  }

  /** Logins that proved nothing. */
  metricLoginsRefused(options?: MetricOptions): IMetric {
    return this.#metrics.own("LoginsRefused", "authorize", options);
  }
}

/** A bus named after its stack: CDK would name it after the ids of the app, which two stacks of one app share. */
function busIn(scope: Construct): IEventBus {
  const bus = new EventBus(scope, "Events");
  (bus.node.defaultChild as CfnEventBus).name = Names.uniqueResourceName(bus, { maxLength: 256 });
  return bus as IEventBus;
}

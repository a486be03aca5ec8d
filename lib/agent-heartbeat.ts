/** The service as one construct, composed of its parts. */

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
import { HttpEndpoint } from "./http-endpoint";
import { MessageEvents } from "./message-events";
import { deploymentOf, FleetMetrics, type TransitionReason } from "./metrics";
import { Monitoring, runbook } from "./monitoring";
import { type OutputName, optionsOf, publish } from "./outputs";
import type { AgentHeartbeatProps } from "./props";
import { settingsOf } from "./settings";
import { Storage } from "./storage";
import { Sweep } from "./sweep";
import { Transitions } from "./transitions";
import { WebSocketGateway } from "./websocket-gateway";

/** Presence of agents: a WebSocket API, its functions and tables, the sweep, and events in both directions. */
export class AgentHeartbeat extends Construct {
  /** The URL that agents connect to: `wss://<api>.execute-api.<region>.amazonaws.com/prod`, or the custom domain. */
  readonly webSocketUrl: string;
  /** The URL of heartbeats over HTTP, without a path, or the custom domain; undefined without the endpoint. */
  readonly httpUrl: string | undefined;
  /** Target of the DNS record of the HTTP endpoint's domain, needed if no hosted zone was given. */
  readonly httpDomainTarget: string | undefined;
  /** Target of the custom domain's DNS record, needed if no hosted zone was given. */
  readonly customDomainTarget: string | undefined;
  /** One row per agent. Readers must derive the status from it: see the architecture. */
  readonly statusTable: ITable;
  /** Agents with their public keys, and used login tokens. */
  readonly registryTable: ITable;
  /** The bus to which transitions are published, and from which `Agent Message` events are delivered to agents. */
  readonly eventBus: IEventBus;
  /** The address of the dashboard; undefined without one. */
  readonly dashboardUrl: string | undefined;
  /** Target of the DNS record of the dashboard's domain, needed if no hosted zone was given. */
  readonly dashboardDomainTarget: string | undefined;
  /** The construct's outputs in the deployed stack, by the ends of their names. */
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
      reservedConcurrency: settings.reservedConcurrency,
    };
    const eventBus = settings.eventBus ?? busIn(this);
    const storage = new Storage(this, "Storage", {
      tables: settings.tables,
      removalPolicy: settings.removalPolicy,
      encryptionKey,
      statusTableCapacity: settings.statusTableCapacity,
    });
    const gateway = new WebSocketGateway(this, "Gateway", { settings, functions, storage });
    const http = settings.http
      ? new HttpEndpoint(this, "HttpEndpoint", { settings, functions, storage })
      : undefined;
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
        ...(http && { http: http.function }),
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
        every: settings.alarms === true,
        sweepInterval: settings.sweepInterval,
        selfPreservation: settings.selfPreservation !== undefined,
        alarmTopic: settings.alarmTopic,
        runbookOf: runbook(settings.runbookUrl, () =>
          optionsOf(this.outputs.get("WebSocketUrl") as CfnOutput),
        ),
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
    this.httpUrl = http?.url;
    this.httpDomainTarget = http?.domainTarget;
    this.customDomainTarget = gateway.customDomainTarget;
    this.statusTable = storage.statusTable;
    this.registryTable = storage.registryTable;
    this.eventBus = eventBus;
    this.dashboardUrl = dashboard?.url;
    this.dashboardDomainTarget = dashboard?.domainTarget;
    this.#metrics = metrics;
    this.outputs = publish(this, {
      WebSocketUrl: this.webSocketUrl,
      HttpUrl: this.httpUrl,
      StatusTableName: this.statusTable.tableName,
      RegistryTableName: this.registryTable.tableName,
      EventBusName: this.eventBus.eventBusName,
      CustomDomainTarget: this.customDomainTarget,
      HttpDomainTarget: this.httpDomainTarget,
      DashboardUrl: this.dashboardUrl,
      DashboardDomainTarget: this.dashboardDomainTarget,
    });
  }

  /** Lets a principal read statuses, profiles and histories: everything that `StatusReader` calls. */
  grantReadStatus(grantee: IGrantable): void {
    grantReadStatus(this, grantee);
  }

  /** Lets a principal register agents, change their keys, and revoke them: everything that `AgentRegistry` calls. */
  grantRegister(grantee: IGrantable): void {
    grantRegister(this, grantee);
  }

  /** Lets a principal put `Agent Message` events on the bus, but no others: it can't publish transitions. */
  grantPublish(grantee: IGrantable): void {
    grantPublish(this.eventBus, grantee);
  }

  /** Heartbeats received. */
  metricHeartbeats(options?: MetricOptions): IMetric {
    return this.#metrics.heartbeats(options);
  }

  /** Heartbeats that were not stored: the function failed, or replied `internal`. */
  metricHeartbeatErrors(options?: MetricOptions): IMetric {
    return this.#metrics.heartbeatErrors(options);
  }

  /** Agents online in all organizations by their derived status, as counted by each sweep. Default statistic: maximum. */
  metricAgentsOnline(options?: MetricOptions): IMetric {
    return this.#metrics.agentsOnline(options);
  }

  /** Online agents whose heartbeat is late by more than a quarter of the interval. Default statistic: maximum. */
  metricHeartbeatsOverdue(options?: MetricOptions): IMetric {
    return this.#metrics.heartbeatsOverdue(options);
  }

  /**
   * Transitions with a given reason, for example `connected` or `lease_expired`; all transitions if none is given. A drain is
   * counted when it ends, as `drained`.
   */
  metricTransitions(reason?: TransitionReason, options?: MetricOptions): IMetric {
    return this.#metrics.transitions(reason, options);
  }

  /** Agents that died silently, as found by the sweep. */
  metricLeasesExpired(options?: MetricOptions): IMetric {
    return this.#metrics.own("LeasesExpired", "sweep", options);
  }

  /** Logins that the authorizer accepted. */
  metricConnects(options?: MetricOptions): IMetric {
    return this.#metrics.connects(options);
  }

  /** Logins that the authorizer refused. */
  metricLoginsRefused(options?: MetricOptions): IMetric {
    return this.#metrics.own("LoginsRefused", "authorize", options);
  }
}

/** A bus whose name contains the stack's. CDK would build its name from construct ids, which two stacks of one app share. */
function busIn(scope: Construct): IEventBus {
  const bus = new EventBus(scope, "Events");
  (bus.node.defaultChild as CfnEventBus).name = Names.uniqueResourceName(bus, { maxLength: 256 });
  return bus as IEventBus;
}

/** The metrics of a deployment: its own, those of its functions, and those of its gateway. */

import { Duration, Stack } from "aws-cdk-lib";
import type { WebSocketStage } from "aws-cdk-lib/aws-apigatewayv2";
import {
  type IMetric,
  MathExpression,
  Metric,
  type MetricOptions,
} from "aws-cdk-lib/aws-cloudwatch";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { METRICS_NAMESPACE } from "../core/names";
import type { Transition } from "../core/protocol";

/** All that transitions are counted by, written out for those who install no SDK. */
export const TRANSITION_REASONS = {
  connected: true,
  revived: true,
  client_closed: true,
  connection_lost: true,
  gateway_closed: true,
  lease_expired: true,
  drained: true,
  revoked: true,
  no_progress: true,
  progress: true,
} satisfies Record<Transition["reason"], true>;

/** Why an agent came, went, stalled or recovered. */
export type TransitionReason = keyof typeof TRANSITION_REASONS;

/** The period of every metric, unless it is given one. */
export const PERIOD = Duration.minutes(5);

/** What the dimension `deployment` of the service's own metrics says: the stack, and the path of the construct in it. */
export function deploymentOf(construct: Construct): string {
  const stack = Stack.of(construct);
  return `${stack.stackName}/${construct.node.path.slice(stack.node.path.length + 1)}`;
}

/**
 * A metric of the service's own.
 *
 * @param service the function that counts it, by the name of its entry
 */
function ownMetric(
  deployment: string,
  metricName: string,
  service: string,
  { dimensionsMap, ...options }: MetricOptions = {},
): Metric {
  return new Metric({
    namespace: METRICS_NAMESPACE,
    metricName,
    dimensionsMap: { deployment, service, ...dimensionsMap },
    statistic: "Sum",
    period: PERIOD,
    ...options,
  });
}

export interface SumOptions {
  /** What the ids of the parts begin with, which have to differ within a graph. @default "m" */
  readonly ids?: string;
  readonly label?: string;
  /** @default PERIOD */
  readonly period?: Duration;
}

/** The sum of at most ten metrics, which is what an alarm can take, of which each may be missing. */
export function sum(metrics: readonly IMetric[], options: SumOptions = {}): MathExpression {
  const { ids = "m", label, period = PERIOD } = options;
  const named = metrics.map((metric, index) => [`${ids}${index}`, metric] as const);
  return new MathExpression({
    expression: `SUM([${named.map(([id]) => `FILL(${id}, 0)`).join(", ")}])`,
    usingMetrics: Object.fromEntries(named),
    period,
    ...(label !== undefined && { label }),
  });
}

/** The greatest of some metrics, each divided by a number of its own. */
export function greatestShare(
  parts: readonly { metric: IMetric; of: number }[],
  label: string,
): MathExpression {
  const shares = parts.map(({ of }, index) => `FILL(m${index}, 0) / ${of}`);
  return new MathExpression({
    expression: `MAX([${shares.join(", ")}])`,
    usingMetrics: Object.fromEntries(parts.map(({ metric }, index) => [`m${index}`, metric])),
    period: PERIOD,
    label,
  });
}

/** A metric that DynamoDB has of a table. */
export const tableMetric = (
  { tableName }: ITable,
  metricName: string,
  options: MetricOptions = {},
): Metric =>
  new Metric({
    namespace: "AWS/DynamoDB",
    metricName,
    dimensionsMap: { TableName: tableName },
    statistic: "Sum",
    period: PERIOD,
    ...options,
  });

/** Reads and writes of a table that were throttled. */
export const throttlesOf = (table: ITable): Metric[] =>
  ["ReadThrottleEvents", "WriteThrottleEvents"].map((name) => tableMetric(table, name));

export interface MetricSources {
  /** Unique to the construct within the app. */
  readonly address: string;
  readonly deployment: string;
  readonly stage: WebSocketStage;
  readonly heartbeat: LambdaFunction;
}

/** The metrics by which the fleet and its heartbeats are watched. */
export class FleetMetrics {
  readonly #sources: MetricSources;

  constructor(sources: MetricSources) {
    this.#sources = sources;
  }

  heartbeats(options?: MetricOptions): Metric {
    const { heartbeat } = this.#sources;
    return heartbeat.metricInvocations(defaults({ label: "heartbeats", ...options }));
  }

  /** Heartbeats that failed, and those that were answered by `internal`. */
  heartbeatErrors(options: MetricOptions = {}): MathExpression {
    const { heartbeat, deployment } = this.#sources;
    const { period = PERIOD, label = "heartbeats that failed" } = options;
    const failed = [
      heartbeat.metricErrors({ period }),
      ownMetric(deployment, "RouteFailures", "heartbeat", { period }),
    ];
    return sum(failed, { ids: this.#ids("failed"), label, period });
  }

  /** The sweep counts more often than once a period where it runs more often. */
  agentsOnline(options?: MetricOptions): Metric {
    return this.own("AgentsOnline", "sweep", {
      statistic: "Maximum",
      label: "agents online",
      ...options,
    });
  }

  heartbeatsOverdue(options?: MetricOptions): Metric {
    return this.own("HeartbeatsOverdue", "sweep", {
      statistic: "Maximum",
      label: "heartbeats overdue",
      ...options,
    });
  }

  transitions(reason?: TransitionReason, options: MetricOptions = {}): IMetric {
    if (reason === undefined) {
      const { period = PERIOD, label = "transitions" } = options;
      const reasons = Object.keys(TRANSITION_REASONS) as TransitionReason[];
      const parts = reasons.map((each) => this.transitions(each, { period }));
      return sum(parts, { ids: this.#ids("transitions"), label, period });
    }
    const dimensionsMap = { ...options.dimensionsMap, reason };
    return this.own("Transitions", "transitions", { label: reason, ...options, dimensionsMap });
  }

  /** The transitions of every reason that there has been: for a dashboard, for an alarm can't search. */
  transitionsByReason(): MathExpression {
    const { deployment } = this.#sources;
    const dimensions = "deployment,reason,service";
    const search = `{${METRICS_NAMESPACE},${dimensions}} MetricName="Transitions" deployment="${deployment}"`;
    return new MathExpression({
      expression: `SEARCH('${search}', 'Sum', ${PERIOD.toSeconds()})`,
      usingMetrics: {},
      period: PERIOD,
      label: "",
    });
  }

  connects(options?: MetricOptions): Metric {
    return this.gateway("ConnectCount", { label: "connects", ...options });
  }

  /** One of API Gateway's metrics of the stage. */
  gateway(metricName: string, options?: MetricOptions): Metric {
    return this.#sources.stage.metric(metricName, defaults(options));
  }

  /** Not those of another deployment in the same graph. */
  #ids(name: string): string {
    return `${name}_${this.#sources.address}_`;
  }

  own(metricName: string, service: string, options?: MetricOptions): Metric {
    return ownMetric(this.#sources.deployment, metricName, service, options);
  }
}

/** What alarms and the page of CloudWatch are about. */
export interface Watched {
  readonly metrics: FleetMetrics;
  /** Those whose failures no message reports to a client, by the names of their entries. */
  readonly functions: Readonly<
    Record<
      "authorize" | "connect" | "heartbeat" | "disconnect" | "sweep" | "transitions" | "deliver",
      LambdaFunction
    >
  >;
  readonly tables: readonly ITable[];
  /** Queues of what could not be delivered. */
  readonly undelivered: readonly Queue[];
}

const defaults = (options: MetricOptions = {}): MetricOptions => ({
  statistic: "Sum",
  period: PERIOD,
  ...options,
});

/** The metrics of a deployment: the service's own, and those of its functions, gateway and tables. */

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
import type { Transition } from "../core/presence";

/**
 * All reasons of transitions that are counted: a drain is once, when it ends. Written out, because the published types can't
 * refer to the SDK.
 */
export const TRANSITION_REASONS = {
  connected: true,
  revived: true,
  client_closed: true,
  connection_lost: true,
  gateway_closed: true,
  lease_expired: true,
  drained: true,
  failed: true,
  revoked: true,
  no_progress: true,
  progress: true,
} satisfies Record<Exclude<Transition["reason"], "drain_started">, true>;

/** Why an agent came, went, stalled or recovered. */
export type TransitionReason = keyof typeof TRANSITION_REASONS;

/** The default period of every metric. */
export const PERIOD = Duration.minutes(5);

/** The value of the dimension `deployment`: the stack's name, and the construct's path in it. */
export function deploymentOf(construct: Construct): string {
  const stack = Stack.of(construct);
  return `${stack.stackName}/${construct.node.path.slice(stack.node.path.length + 1)}`;
}

/**
 * A metric that the service publishes.
 *
 * @param service the folder of the function that publishes it
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
  /** Prefix of the ids of the parts, which must be unique within a graph. @default "m" */
  readonly ids?: string;
  readonly label?: string;
  /** @default PERIOD */
  readonly period?: Duration;
}

/** The sum of at most ten metrics (the limit of an alarm). Missing values count as 0. */
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

/** The maximum of several metrics, each divided by a number. */
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

/** One of DynamoDB's metrics of a table. */
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

/** Throttled reads and writes of a table. */
export const throttlesOf = (table: ITable): Metric[] =>
  ["ReadThrottleEvents", "WriteThrottleEvents"].map((name) => tableMetric(table, name));

export interface MetricSources {
  /** Unique to the construct within the app. */
  readonly address: string;
  readonly deployment: string;
  readonly stage: WebSocketStage;
  readonly heartbeat: LambdaFunction;
}

/** The metrics of the fleet and its heartbeats. */
export class FleetMetrics {
  readonly #sources: MetricSources;

  constructor(sources: MetricSources) {
    this.#sources = sources;
  }

  heartbeats(options?: MetricOptions): Metric {
    const { heartbeat } = this.#sources;
    return heartbeat.metricInvocations(defaults({ label: "heartbeats", ...options }));
  }

  /** Heartbeats that failed, or were answered with `internal`. */
  heartbeatErrors(options: MetricOptions = {}): MathExpression {
    const { heartbeat, deployment } = this.#sources;
    const { period = PERIOD, label = "heartbeats that failed" } = options;
    const failed = [
      heartbeat.metricErrors({ period }),
      ownMetric(deployment, "RouteFailures", "heartbeat", { period }),
    ];
    return sum(failed, { ids: this.#ids("failed"), label, period });
  }

  /** The maximum, because a fast sweep counts several times per period. */
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

  /** Transitions by reason, found by a search expression. Usable in dashboards only: alarms can't search. */
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

  /** Ids that differ from those of another deployment in the same graph. */
  #ids(name: string): string {
    return `${name}_${this.#sources.address}_`;
  }

  own(metricName: string, service: string, options?: MetricOptions): Metric {
    return ownMetric(this.#sources.deployment, metricName, service, options);
  }
}

/** What the alarms and the CloudWatch dashboard show. */
export interface Watched {
  readonly metrics: FleetMetrics;
  /** Functions that fail without an error reply to a client, by their folders. */
  readonly functions: Readonly<
    Record<
      "authorize" | "connect" | "heartbeat" | "disconnect" | "sweep" | "transitions" | "deliver",
      LambdaFunction
    >
  > & { readonly http?: LambdaFunction };
  readonly tables: readonly ITable[];
  /** Queues of undelivered events. */
  readonly undelivered: readonly Queue[];
}

const defaults = (options: MetricOptions = {}): MetricOptions => ({
  statistic: "Sum",
  period: PERIOD,
  ...options,
});

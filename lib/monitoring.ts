/** The alarms, each with its severity and where its section of the runbook is. */

import { Duration, Lazy } from "aws-cdk-lib";
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  Stats,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import { ALL_ROUTES } from "../core/names";
import { greatestShare, PERIOD, sum, throttlesOf, type Watched } from "./metrics";

/** Whether to page the engineer on call, as docs/runbook.md explains. */
type Severity = "page" | "ticket";

/** Where the section of an alarm is. */
export type RunbookOf = (alarm: string) => string;

/** The address of an alarm's section, or the command that prints it, wherever the description is read. */
export function runbook(url: string | undefined, options: () => string): RunbookOf {
  if (url !== undefined) return (alarm) => `${url}#${alarm.toLowerCase()}`;
  // The names of the outputs, by which a construct is found, are known last.
  const produced = Lazy.string({ produce: options });
  return (alarm) => `agent-heartbeat runbook ${alarm} ${produced}`;
}

/** A function that uses more than this share of its timeout is slow. */
const SLOW = 0.8;

/**
 * The alarms of `alarms: "essential"`. While one of these is on, agents can't connect or be heard, or events are lost, late
 * or withheld, and none of the others would say so. The rest warn early, or name a cause.
 */
const ESSENTIAL: ReadonlySet<string> = new Set([
  "FunctionErrors",
  "FunctionThrottles",
  "GatewayErrors",
  "RouteFailures",
  "MassExpiry",
  "MassExpirySuspected",
  "SweepFailures",
  "SweepsUnfinished",
  "SweepMissing",
  "TransitionsLate",
  "Undelivered",
]);

export interface MonitoringProps {
  readonly watched: Watched;
  /** Whether to create every alarm of the runbook, or the essential ones. */
  readonly every: boolean;
  readonly sweepInterval: Duration;
  readonly selfPreservation: boolean;
  readonly alarmTopic: ITopic | undefined;
  readonly runbookOf: RunbookOf;
}

export class Monitoring extends Construct {
  readonly #topic: ITopic | undefined;
  readonly #runbookOf: RunbookOf;
  readonly #every: boolean;

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    this.#topic = props.alarmTopic;
    this.#runbookOf = props.runbookOf;
    this.#every = props.every;
    const { watched, sweepInterval, selfPreservation } = props;
    const { metrics, functions, tables, undelivered } = watched;
    const { authorize, connect, heartbeat, http, sweep, transitions } = functions;
    const failing = Object.values(functions);
    // Failures of the others make events late or undelivered, or leave a lease to expire.
    const needed = this.#every
      ? failing
      : [authorize, connect, heartbeat, ...(http ? [http] : []), sweep];
    // Throttles of the others are errors of the gateway, or make sweeps and events late.
    const unnoticed = this.#every ? failing : [authorize];

    this.#alarm("FunctionErrors", "page", "functions fail", {
      metric: sum(needed.map((fn) => fn.metricErrors({ period: PERIOD }))),
      periods: 3,
    });
    this.#alarm("FunctionThrottles", "page", "functions are throttled", {
      metric: sum(unnoticed.map((fn) => fn.metricThrottles({ period: PERIOD }))),
      periods: 3,
    });
    this.#alarm("FunctionsSlow", "ticket", "a function comes close to its timeout", {
      metric: greatestShare(
        // The sweep ends by itself before its timeout.
        failing
          .filter((fn) => fn !== sweep)
          .map((fn) => ({
            metric: fn.metricDuration({ period: PERIOD, statistic: Stats.MAXIMUM }),
            of: (fn.timeout as Duration).toMilliseconds(),
          })),
        "share of the timeout",
      ),
      threshold: SLOW,
      periods: 3,
    });
    this.#alarm("GatewayErrors", "page", "the gateway can't call a function", {
      metric: metrics.gateway("ExecutionError"),
      periods: 3,
    });
    this.#alarm("RouteFailures", "page", "clients receive the error internal", {
      // These functions answer a failure with a message, and count it.
      metric: sum([metrics.own("RouteFailures", ALL_ROUTES)]),
      periods: 3,
    });
    this.#alarm("LoginsRefused", "ticket", "many logins are refused", {
      metric: sum([
        metrics.own("LoginsRefused", "authorize"),
        ...(http ? [metrics.own("LoginsRefused", "http")] : []),
      ]),
      threshold: 100,
      periods: 3,
    });
    this.#alarm("MassExpiry", "page", "many agents fall silent at once", {
      metric: metrics.own("LeasesExpired", "sweep"),
      threshold: 100,
    });
    if (selfPreservation) {
      this.#alarm(
        "MassExpirySuspected",
        "page",
        "very many agents are silent, so no offline events are published",
        {
          metric: metrics.own("ExpirationsHeld", "sweep"),
        },
      );
    }
    this.#alarm("SweepFailures", "ticket", "the sweep fails for some of its rows", {
      metric: sum([metrics.own("SweepFailures", "sweep")]),
      periods: 3,
    });
    this.#alarm("SweepsUnfinished", "ticket", "the sweep does not reach the end of the table", {
      metric: sum([metrics.own("SweepsUnfinished", "sweep")]),
      periods: 6,
    });
    this.#alarm("TableThrottles", "page", "DynamoDB throttles a table", {
      metric: sum(tables.flatMap(throttlesOf)),
      periods: 3,
    });
    this.#alarm("Undelivered", "ticket", "an event could not be delivered", {
      metric: sum(
        undelivered.map((queue) =>
          queue.metricApproximateNumberOfMessagesVisible({ period: PERIOD, statistic: "Maximum" }),
        ),
      ),
    });
    this.#alarm("TransitionsLate", "ticket", "events of transitions are more than a minute late", {
      metric: transitions.metric("IteratorAge", { period: PERIOD, statistic: "Maximum" }),
      threshold: 60_000,
      periods: 2,
    });
    this.#sweepMissing(sweep, sweepInterval);
  }

  #sweepMissing(sweep: LambdaFunction, interval: Duration): void {
    const alarm = new Alarm(this, "SweepMissing", {
      alarmDescription: this.#describe(
        "SweepMissing",
        "ticket",
        "no sweep has run for three intervals",
      ),
      metric: sweep.metricInvocations({
        period: Duration.minutes(Math.max(1, interval.toMinutes({ integral: false })) * 3),
      }),
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      threshold: 1,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.BREACHING,
    });
    this.#notify(alarm);
  }

  /**
   * An alarm for when a metric reaches the threshold in each of the given number of periods. A metric that is published only when
   * something happens must be filled for that: where periods are missing, CloudWatch looks at earlier ones
   * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html).
   */
  #alarm(
    name: string,
    severity: Severity,
    what: string,
    {
      metric,
      threshold = 1,
      periods = 1,
    }: { metric: IMetric; threshold?: number; periods?: number },
  ): void {
    if (!this.#every && !ESSENTIAL.has(name)) return;
    const alarm = new Alarm(this, name, {
      alarmDescription: this.#describe(name, severity, what),
      metric,
      threshold,
      evaluationPeriods: periods,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    this.#notify(alarm);
  }

  #notify(alarm: Alarm): void {
    if (!this.#topic) return;
    const action = new SnsAction(this.#topic);
    alarm.addAlarmAction(action);
    alarm.addOkAction(action);
  }

  #describe(name: string, severity: Severity, what: string): string {
    return `${what}. Severity: ${severity}. Runbook: ${this.#runbookOf(name)}`;
  }
}

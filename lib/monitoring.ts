/** The alarms, each with a link to its section of the runbook. */

import { Duration } from "aws-cdk-lib";
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
import { MESSAGE_ROUTES } from "./gateway-functions";
import { greatestShare, PERIOD, sum, throttlesOf, type Watched } from "./metrics";

const RUNBOOK = "docs/operations.md";

/** A function that uses more than this share of its timeout is slow. */
const SLOW = 0.8;

export interface MonitoringProps {
  readonly watched: Watched;
  readonly sweepInterval: Duration;
  readonly selfPreservation: boolean;
  readonly alarmTopic: ITopic | undefined;
}

export class Monitoring extends Construct {
  readonly #topic: ITopic | undefined;

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    this.#topic = props.alarmTopic;
    const { watched, sweepInterval, selfPreservation } = props;
    const { metrics, functions, tables, undelivered } = watched;
    const { sweep, transitions } = functions;
    const failing = Object.values(functions);

    this.#alarm("FunctionErrors", "functions fail", {
      metric: sum(failing.map((fn) => fn.metricErrors({ period: PERIOD }))),
      periods: 3,
    });
    this.#alarm("FunctionThrottles", "functions are throttled", {
      metric: sum(failing.map((fn) => fn.metricThrottles({ period: PERIOD }))),
      periods: 3,
    });
    this.#alarm("FunctionsSlow", "a function comes close to its timeout", {
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
    this.#alarm("GatewayErrors", "the gateway can't call a function", {
      metric: metrics.gateway("ExecutionError"),
      periods: 3,
    });
    this.#alarm("RouteFailures", "clients receive the error internal", {
      // These functions answer a failure with a message, and count it.
      metric: sum(MESSAGE_ROUTES.map(({ name }) => metrics.own("RouteFailures", name))),
      periods: 3,
    });
    this.#alarm("LoginsRefused", "many logins are refused", {
      metric: metrics.own("LoginsRefused", "authorize"),
      threshold: 100,
      periods: 3,
    });
    this.#alarm("MassExpiry", "many agents fall silent at once", {
      metric: metrics.own("LeasesExpired", "sweep"),
      threshold: 100,
    });
    if (selfPreservation) {
      this.#alarm(
        "MassExpirySuspected",
        "very many agents are silent, so no offline events are published",
        {
          metric: metrics.own("ExpirationsHeld", "sweep"),
        },
      );
    }
    this.#alarm("SweepFailures", "the sweep fails for some of its rows", {
      metric: metrics.own("SweepFailures", "sweep"),
      periods: 3,
    });
    this.#alarm("SweepsUnfinished", "the sweep does not reach the end of the table", {
      metric: metrics.own("SweepsUnfinished", "sweep"),
      periods: 6,
    });
    this.#alarm("TableThrottles", "DynamoDB throttles a table", {
      metric: sum(tables.flatMap(throttlesOf)),
      periods: 3,
    });
    this.#alarm("Undelivered", "an event could not be delivered", {
      metric: sum(
        undelivered.map((queue) =>
          queue.metricApproximateNumberOfMessagesVisible({ period: PERIOD, statistic: "Maximum" }),
        ),
      ),
    });
    this.#alarm("TransitionsLate", "events of transitions are more than a minute late", {
      metric: transitions.metric("IteratorAge", { period: PERIOD, statistic: "Maximum" }),
      threshold: 60_000,
      periods: 2,
    });
    this.#sweepMissing(sweep, sweepInterval);
  }

  #sweepMissing(sweep: LambdaFunction, interval: Duration): void {
    const alarm = new Alarm(this, "SweepMissing", {
      alarmDescription: describe("SweepMissing", "no sweep has run for three intervals"),
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

  /** An alarm for when a metric reaches the threshold in each of the given number of periods. */
  #alarm(
    name: string,
    what: string,
    {
      metric,
      threshold = 1,
      periods = 1,
    }: { metric: IMetric; threshold?: number; periods?: number },
  ): void {
    const alarm = new Alarm(this, name, {
      alarmDescription: describe(name, what),
      metric,
      threshold,
      evaluationPeriods: periods,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    this.#notify(alarm);
  }

  #notify(alarm: Alarm): void {
    if (this.#topic) alarm.addAlarmAction(new SnsAction(this.#topic));
  }
}

const describe = (name: string, what: string) => `${what}. See ${RUNBOOK}#${name.toLowerCase()}`;

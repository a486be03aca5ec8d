/** The CloudWatch dashboard: state of the fleet, heartbeats, errors and capacity. */

import {
  Dashboard,
  GraphWidget,
  type IMetric,
  type Metric,
  Stats,
  type YAxisProps,
} from "aws-cdk-lib/aws-cloudwatch";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { sum, tableMetric, throttlesOf, type Watched } from "./metrics";

export interface CloudWatchDashboardProps {
  readonly watched: Watched;
}

const FROM_ZERO: YAxisProps = { min: 0, showUnits: false };

export class CloudWatchDashboard extends Construct {
  constructor(scope: Construct, id: string, { watched }: CloudWatchDashboardProps) {
    super(scope, id);
    const { metrics, tables, undelivered } = watched;
    const functions = Object.entries(watched.functions);
    const each = (metric: (fn: LambdaFunction) => IMetric) => functions.map(([, fn]) => metric(fn));
    const { sweep, transitions } = watched.functions;
    // Without a name, which would have to be unique in the account.
    const dashboard = new Dashboard(this, "Page");
    dashboard.addWidgets(
      graph("Agents online", [metrics.agentsOnline(), metrics.heartbeatsOverdue()]),
      graph("Transitions", [metrics.transitionsByReason()]),
      graph("Heartbeats and connects", [metrics.heartbeats(), metrics.connects()]),
    );
    dashboard.addWidgets(
      graph("Failures", [
        metrics.heartbeatErrors(),
        sum(
          each((fn) => fn.metricErrors()),
          { ids: "errors", label: "function errors" },
        ),
        metrics.gateway("ExecutionError", { label: "gateway errors" }),
      ]),
      graph("Throttles", [
        sum(
          each((fn) => fn.metricThrottles()),
          { ids: "throttled", label: "functions" },
        ),
        sum(tables.flatMap(throttlesOf), { ids: "tables", label: "tables" }),
      ]),
      graph("Logins refused", [
        metrics.own("LoginsRefused", "authorize", { label: "refused by the authorizer" }),
        metrics.gateway("ClientError", { label: "4xx from the gateway" }),
      ]),
    );
    dashboard.addWidgets(
      graph(
        "Duration (ms, p99)",
        functions.map(([name, fn]) => fn.metricDuration({ statistic: Stats.p(99), label: name })),
      ),
      graph("Sweep", [
        sweep.metricInvocations({ label: "runs" }),
        metrics.own("LeasesExpired", "sweep", { label: "leases expired" }),
        metrics.own("ExpirationsHeld", "sweep", { label: "held by self-preservation" }),
        metrics.own("SweepsUnfinished", "sweep", { label: "unfinished runs" }),
      ]),
      graph("Events", [
        transitions.metric("IteratorAge", {
          statistic: "Maximum",
          label: "age of the stream (ms)",
        }),
        sum(
          undelivered.map((queue) =>
            queue.metricApproximateNumberOfMessagesVisible({ statistic: "Maximum" }),
          ),
          { ids: "undelivered", label: "undelivered" },
        ),
      ]),
    );
    dashboard.addWidgets(
      graph(
        "Write units",
        tables.map((table) => consumed(table, "Write")),
      ),
      graph(
        "Read units",
        tables.map((table) => consumed(table, "Read")),
      ),
    );
  }
}

const graph = (title: string, left: IMetric[]) =>
  new GraphWidget({ title, left, leftYAxis: FROM_ZERO, width: 8 });

const consumed = (table: ITable, kind: "Read" | "Write"): Metric =>
  tableMetric(table, `Consumed${kind}CapacityUnits`, { label: table.node.id });

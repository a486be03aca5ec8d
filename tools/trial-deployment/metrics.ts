/** Reads the metrics of a trial's gateway from CloudWatch. */

import { setTimeout as wait } from "node:timers/promises";
import {
  type CloudWatchClient,
  GetMetricDataCommand,
  paginateListMetrics,
} from "@aws-sdk/client-cloudwatch";
import type { Metrics } from "./checks";
import type { Resource } from "./stack";

const MINUTE_MS = 60_000;
/** CloudWatch's metrics of a minute are complete a few minutes later. */
const SETTLED_MS = 3 * MINUTE_MS;

/** @param resources the resources of the gateway's stack */
export function metricsOf(client: CloudWatchClient, resources: readonly Resource[]): Metrics {
  const api = resources.find(({ type }) => type === "AWS::ApiGatewayV2::Api")?.id;
  const disconnect = resources.find(
    ({ type, logicalId }) => type === "AWS::Lambda::Function" && /Disconnect/.test(logicalId),
  )?.id;
  return {
    async gatewayDimensions() {
      const Dimensions = [{ Name: "ApiId", Value: api }];
      const found = new Set<string>();
      for await (const { Metrics: metrics = [] } of paginateListMetrics(
        { client },
        { Namespace: "AWS/ApiGateway", Dimensions },
      )) {
        for (const { MetricName, Dimensions: dimensions = [] } of metrics) {
          found.add(
            `${MetricName}: ${dimensions
              .map(({ Name }) => Name)
              .sort()
              .join(", ")}`,
          );
        }
      }
      return [...found].sort();
    },
    async disconnects(from, to) {
      await wait(SETTLED_MS);
      const { MetricDataResults = [] } = await client.send(
        new GetMetricDataCommand({
          StartTime: new Date(from),
          EndTime: new Date(to),
          MetricDataQueries: [
            {
              Id: "disconnects",
              MetricStat: {
                Metric: {
                  Namespace: "AWS/Lambda",
                  MetricName: "Invocations",
                  Dimensions: [{ Name: "FunctionName", Value: disconnect }],
                },
                Period: 60,
                Stat: "Sum",
              },
            },
          ],
        }),
      );
      return MetricDataResults.flatMap(({ Values = [] }) => Values).reduce((sum, n) => sum + n, 0);
    },
    async nextMinute() {
      const next = (Math.floor(Date.now() / MINUTE_MS) + 1) * MINUTE_MS;
      await wait(next - Date.now());
      return next;
    },
  };
}

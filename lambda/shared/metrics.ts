/** CloudWatch metrics as embedded log lines: no call to CloudWatch, and none of its latency. */

import { Metrics } from "@aws-lambda-powertools/metrics";
import { METRICS_NAMESPACE } from "../names";
import { lazily } from "./lazily";

/** How a function counts: any number of `addMetric`, then one `publishStoredMetrics`. */
export interface MetricsSink {
  addMetric(name: string, unit: "Count", value: number): unknown;
  publishStoredMetrics(): unknown;
}

/** Counts at once, in a line of its own, under a further dimension. Each of its values is billed as a metric. */
export type CountBy = (name: string, dimension: Record<string, string>, value: number) => void;

/** One for a function's whole life. The dimension `service` is from POWERTOOLS_SERVICE_NAME. */
export function functionMetrics(): MetricsSink {
  const metrics = lazily(() => new Metrics({ namespace: METRICS_NAMESPACE }));
  return {
    addMetric: (name, unit, value) => metrics().addMetric(name, unit, value),
    publishStoredMetrics: () => metrics().publishStoredMetrics(),
  };
}

/** As `functionMetrics`, for counts under a further dimension. */
export function functionCounts(): CountBy {
  const metrics = new Metrics({ namespace: METRICS_NAMESPACE });
  return (name, dimension, value) => {
    metrics.singleMetric().addDimensions(dimension).addMetric(name, "Count", value);
  };
}

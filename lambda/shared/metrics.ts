/** CloudWatch metrics as embedded log lines: no call to CloudWatch, and none of its latency. */

import { Metrics } from "@aws-lambda-powertools/metrics";
import { METRICS_NAMESPACE } from "../../core/names";
import { lazily } from "./lazily";

/** How a function counts: any number of `addMetric`, then one `publishStoredMetrics`. */
export interface MetricsSink {
  addMetric(name: string, unit: "Count", value: number): unknown;
  publishStoredMetrics(): unknown;
}

/** Counts at once, in a line of its own, under a further dimension. Each of its values is billed as a metric. */
export type CountBy = (name: string, dimension: Record<string, string>, value: number) => void;

/**
 * One for a function's whole life. The dimension `service` is from POWERTOOLS_SERVICE_NAME.
 *
 * @param deployment value of the dimension that tells the deployments of an account apart
 */
export function metricsOf(deployment: string): MetricsSink {
  const metrics = lazily(() => under(deployment));
  return {
    addMetric: (name, unit, value) => metrics().addMetric(name, unit, value),
    publishStoredMetrics: () => metrics().publishStoredMetrics(),
  };
}

/** As `metricsOf`, for counts under a further dimension. */
export function countsOf(deployment: string): CountBy {
  const metrics = under(deployment);
  return (name, dimension, value) => {
    metrics.singleMetric().addDimensions(dimension).addMetric(name, "Count", value);
  };
}

const under = (deployment: string) =>
  new Metrics({ namespace: METRICS_NAMESPACE, defaultDimensions: { deployment } });

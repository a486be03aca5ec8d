/** CloudWatch metrics in the embedded metric format: log lines instead of calls to CloudWatch. */

import { Metrics } from "@aws-lambda-powertools/metrics";
import { METRICS_NAMESPACE } from "../../core/names";
import { lazily } from "./lazily";

/** Collects metrics with `addMetric`, and publishes them with `publishStoredMetrics`. */
export interface MetricsSink {
  addMetric(name: string, unit: "Count", value: number): unknown;
  publishStoredMetrics(): unknown;
}

/** Publishes a count at once, with an additional dimension. Each value of the dimension is billed as a metric. */
export type CountBy = (name: string, dimension: Record<string, string>, value: number) => void;

/**
 * The metrics of a function. The dimension `service` comes from POWERTOOLS_SERVICE_NAME.
 *
 * @param deployment value of the dimension that distinguishes the deployments of an account
 * @param group counts everything under this service too, which sums it up over several functions
 */
export function metricsOf(deployment: string, group?: string): MetricsSink {
  const metrics = lazily(() => [
    under(deployment),
    ...(group === undefined ? [] : [under(deployment, group)]),
  ]);
  return {
    addMetric(name, unit, value) {
      for (const one of metrics()) one.addMetric(name, unit, value);
    },
    publishStoredMetrics() {
      for (const one of metrics()) one.publishStoredMetrics();
    },
  };
}

/** As `metricsOf`, for counts with an additional dimension. */
export function countsOf(deployment: string): CountBy {
  const metrics = under(deployment);
  return (name, dimension, value) => {
    metrics.singleMetric().addDimensions(dimension).addMetric(name, "Count", value);
  };
}

const under = (deployment: string, serviceName?: string) =>
  new Metrics({
    namespace: METRICS_NAMESPACE,
    defaultDimensions: { deployment },
    ...(serviceName !== undefined && { serviceName }),
  });

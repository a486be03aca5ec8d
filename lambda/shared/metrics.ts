/** CloudWatch metrics as embedded log lines: no call to CloudWatch, and none of its latency. */

import { Metrics } from "@aws-lambda-powertools/metrics";
import { METRICS_NAMESPACE } from "../names";

/** How a function counts: any number of `addMetric`, then one `publishStoredMetrics`. */
export interface MetricsSink {
  addMetric(name: string, unit: "Count", value: number): unknown;
  publishStoredMetrics(): unknown;
}

/** One for a function's whole life. The dimension `service` is from POWERTOOLS_SERVICE_NAME. */
export const functionMetrics = (): MetricsSink => new Metrics({ namespace: METRICS_NAMESPACE });

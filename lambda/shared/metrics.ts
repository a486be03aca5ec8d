/** CloudWatch metrics as embedded log lines: no call to CloudWatch, and none of its latency. */

import { Metrics } from "@aws-lambda-powertools/metrics";

/** The namespace of every metric of the service. */
export const METRICS_NAMESPACE = "AgentHeartbeat";

/** How a function counts: `addMetric`, then `publishStoredMetrics` once per invocation. */
export type MetricsSink = Pick<Metrics, "addMetric" | "publishStoredMetrics">;

/** One for a function's whole life. The dimension `service` is from POWERTOOLS_SERVICE_NAME. */
export const functionMetrics = (): MetricsSink => new Metrics({ namespace: METRICS_NAMESPACE });

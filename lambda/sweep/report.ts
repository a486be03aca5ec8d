/** The result of a run of the sweep, for its log and metrics. */

import type { MetricsSink } from "../shared/metrics";

export interface SweepReport {
  /** Agents online in the whole table, and how many of them are late; null unless the whole table was counted. */
  online: number | null;
  overdue: number | null;
  /** Rows that needed processing. */
  found: number;
  /** Rows stored as offline by this run. */
  expired: number;
  /** Expired leases that self-preservation withheld. */
  held: number;
  /** Rows that a heartbeat, a disconnect or another sweep changed first. */
  lost: number;
  stalled: number;
  recovered: number;
  connectionsClosed: number;
  closesFailed: number;
  /** Rows, segments and states that failed: the next run finds them again. */
  failures: number;
  /** False if the run stopped early because of its timeout; the next run continues there. */
  finished: boolean;
}

export const nothingDone = (): SweepReport => ({
  online: null,
  overdue: null,
  found: 0,
  expired: 0,
  held: 0,
  lost: 0,
  stalled: 0,
  recovered: 0,
  connectionsClosed: 0,
  closesFailed: 0,
  failures: 0,
  finished: true,
});

export function publish(report: SweepReport, metrics: MetricsSink): void {
  if (report.online !== null) metrics.addMetric("AgentsOnline", "Count", report.online);
  if (report.overdue !== null) metrics.addMetric("HeartbeatsOverdue", "Count", report.overdue);
  metrics.addMetric("LeasesExpired", "Count", report.expired);
  metrics.addMetric("ExpirationsHeld", "Count", report.held);
  metrics.addMetric("ExpirationsLost", "Count", report.lost);
  metrics.addMetric("AgentsStalled", "Count", report.stalled);
  metrics.addMetric("AgentsRecovered", "Count", report.recovered);
  metrics.addMetric("ConnectionsClosed", "Count", report.connectionsClosed);
  metrics.addMetric("ClosesFailed", "Count", report.closesFailed);
  metrics.addMetric("SweepFailures", "Count", report.failures);
  metrics.addMetric("SweepsUnfinished", "Count", report.finished ? 0 : 1);
  metrics.publishStoredMetrics();
}

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

/** CloudWatch bills a metric for each hour in which it is published, so counts that are zero are not, but for the fleet's size. */
export function publish(report: SweepReport, metrics: MetricsSink): void {
  const counts = {
    HeartbeatsOverdue: report.overdue ?? 0,
    LeasesExpired: report.expired,
    ExpirationsHeld: report.held,
    ExpirationsLost: report.lost,
    AgentsStalled: report.stalled,
    AgentsRecovered: report.recovered,
    ConnectionsClosed: report.connectionsClosed,
    ClosesFailed: report.closesFailed,
    SweepFailures: report.failures,
    SweepsUnfinished: report.finished ? 0 : 1,
  };
  const published = Object.entries(counts).filter(([, count]) => count > 0);
  if (report.online !== null) published.push(["AgentsOnline", report.online]);
  if (published.length === 0) return;
  for (const [name, count] of published) metrics.addMetric(name, "Count", count);
  metrics.publishStoredMetrics();
}

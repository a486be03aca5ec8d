/**
 * The sweep: finds leases that ran out unseen, stores their agents as offline, which makes the
 * transition, and closes their connections; marks agents whose work stalls or advances again. Readers
 * need none of it, for they derive the status.
 */

import type { StatusRow } from "@agent-heartbeat/sdk/status";
import type { LeaseScan } from "./lease/scan";
import type { LeaseStore } from "./lease/store";
import { forEachConcurrently } from "./shared/concurrency";
import type { Connections } from "./shared/connections";
import type { Log } from "./shared/log";
import type { MetricsSink } from "./shared/metrics";

/** A heartbeat that came in at the last moment of a lease may still be on its way to the table. */
const GRACE_MS = 2000;

/** Writes and closes under way at once in each segment. */
const CONCURRENCY = 16;

export interface SweepDependencies {
  leases: Pick<LeaseStore, "expire" | "stall" | "recover">;
  scan: LeaseScan;
  connections: Pick<Connections, "close">;
  log: Log;
  metrics: MetricsSink;
  clock: () => number;
  /** How long before the function's time-out no further page is begun. */
  reserveMs: number;
}

/** What a run did. */
export interface SweepReport {
  /** Rows that the scan returned. */
  found: number;
  /** Rows stored as offline by this run. */
  expired: number;
  /** Rows that a heartbeat, a disconnect or another sweep changed first. */
  lost: number;
  stalled: number;
  recovered: number;
  connectionsClosed: number;
  closesFailed: number;
  /** False if the run stopped before its time-out; the next one goes on where it stopped. */
  finished: boolean;
}

/** Two runs at once do no harm: each write has one winner. */
export function sweepHandler(deps: SweepDependencies) {
  return async (_event: unknown, context: { getRemainingTimeInMillis(): number }) => {
    const report: SweepReport = {
      found: 0,
      expired: 0,
      lost: 0,
      stalled: 0,
      recovered: 0,
      connectionsClosed: 0,
      closesFailed: 0,
      finished: true,
    };
    const timeIsUp = () => context.getRemainingTimeInMillis() < deps.reserveMs;
    await Promise.all(
      deps.scan.segments.map(async (segment) => {
        const resumed = await deps.scan.resume(segment);
        let position = resumed;
        do {
          // By the deadlines as of now, however late this run is.
          const now = deps.clock();
          const page = await deps.scan.page(segment, position, now - GRACE_MS, now);
          await forEachConcurrently(page.rows, CONCURRENCY, (row) => act(row, now, deps, report));
          position = page.next;
        } while (position && !timeIsUp());
        if (position) report.finished = false;
        if (position || resumed) await deps.scan.save(segment, position);
      }),
    );
    publish(report, deps.metrics);
    deps.log.info({ event: "swept", ...report });
    return report;
  };
}

async function act(
  row: StatusRow,
  now: number,
  deps: SweepDependencies,
  report: SweepReport,
): Promise<void> {
  report.found += 1;
  const { stallsAt, stalledSince } = row;
  if (row.leaseExpiresAt < now - GRACE_MS) {
    const { written } = await deps.leases.expire(row);
    report[written ? "expired" : "lost"] += 1;
    if (written) await close(row, deps, report);
  } else if (stalledSince !== undefined) {
    const { written } = await deps.leases.recover({ ...row, stalledSince });
    report[written ? "recovered" : "lost"] += 1;
  } else if (stallsAt !== undefined) {
    const { written } = await deps.leases.stall({ ...row, stallsAt });
    report[written ? "stalled" : "lost"] += 1;
  }
}

async function close(row: StatusRow, deps: SweepDependencies, report: SweepReport): Promise<void> {
  try {
    if ((await deps.connections.close(row.connectionId)) === "done") report.connectionsClosed += 1;
  } catch (error) {
    // The gateway closes it itself when it idles; the agent's status is already right.
    report.closesFailed += 1;
    deps.log.warn({ event: "close_failed", connectionId: row.connectionId, error: String(error) });
  }
}

function publish(report: SweepReport, metrics: MetricsSink): void {
  metrics.addMetric("LeasesExpired", "Count", report.expired);
  metrics.addMetric("ExpirationsLost", "Count", report.lost);
  metrics.addMetric("AgentsStalled", "Count", report.stalled);
  metrics.addMetric("AgentsRecovered", "Count", report.recovered);
  metrics.addMetric("ConnectionsClosed", "Count", report.connectionsClosed);
  metrics.addMetric("ClosesFailed", "Count", report.closesFailed);
  metrics.addMetric("SweepsUnfinished", "Count", report.finished ? 0 : 1);
  metrics.publishStoredMetrics();
}

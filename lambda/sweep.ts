/**
 * The sweep: finds leases that ran out unseen, stores their agents as offline, which makes the
 * transition, and closes their connections; marks agents whose work stalls or advances again; and counts
 * the fleet. Readers need none of it, for they derive the status.
 */

import type { FleetCountStore } from "./lease/fleet-count";
import type { LeaseStore } from "./lease/store";
import { forEachConcurrently } from "./shared/concurrency";
import type { Connections } from "./shared/connections";
import type { Log } from "./shared/log";
import type { MetricsSink } from "./shared/metrics";
import type { Progress, Rounds } from "./sweep/rounds";
import type { LeaseScan, OnlineRow } from "./sweep/scan";
import { counted, NOBODY, sumOf } from "./sweep/tally";

/** A heartbeat that came in at the last moment of a lease may still be on its way to the table. */
const GRACE_MS = 2000;

/** Writes and closes under way at once in each segment. */
const CONCURRENCY = 16;

export interface SweepDependencies {
  leases: Pick<LeaseStore, "expire" | "stall" | "recover">;
  scan: LeaseScan;
  rounds: Rounds;
  fleet: Pick<FleetCountStore, "put">;
  connections: Pick<Connections, "close">;
  log: Log;
  metrics: MetricsSink;
  clock: () => number;
  /** How long before the function's time-out no further page is begun. */
  reserveMs: number;
}

/** What a run did. */
export interface SweepReport {
  /** Agents online in all of the table, and how many of them are late; null until it is counted. */
  online: number | null;
  overdue: number | null;
  /** Rows that had to be acted on. */
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
      online: null,
      overdue: null,
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
    const earlier = await deps.rounds.resume();
    const reached = await Promise.all(
      deps.scan.segments.map((segment) =>
        sweepSegment(segment, earlier.get(segment), timeIsUp, deps, report),
      ),
    );
    report.finished = reached.every(({ position }) => position === undefined);
    if (report.finished) await finishRound(reached, earlier, deps, report);
    // Also segments at their end, so that the round's next run leaves them out.
    else await Promise.all(reached.map((progress, index) => deps.rounds.save(index, progress)));
    publish(report, deps.metrics);
    deps.log.info({ event: "swept", ...report });
    return report;
  };
}

/** Goes on from where the round stands in a segment, as far as the time allows. */
async function sweepSegment(
  segment: number,
  from: Progress | undefined,
  timeIsUp: () => boolean,
  deps: SweepDependencies,
  report: SweepReport,
): Promise<Progress> {
  if (from && !from.position) return from;
  let { position, tally } = from ?? { position: undefined, tally: NOBODY };
  do {
    // By the deadlines as of now, however late this run is.
    const now = deps.clock();
    const page = await deps.scan.page(segment, position);
    for (const row of page.rows) tally = counted(tally, row, now);
    const due = page.rows.filter((row) => isDue(row, now));
    report.found += due.length;
    await forEachConcurrently(due, CONCURRENCY, (row) => act(row, now, deps, report));
    position = page.next;
  } while (position && !timeIsUp());
  return { position, tally };
}

async function finishRound(
  reached: readonly Progress[],
  earlier: ReadonlyMap<number, Progress>,
  { fleet, rounds, clock }: SweepDependencies,
  report: SweepReport,
): Promise<void> {
  const { online, overdue } = sumOf(reached.map(({ tally }) => tally));
  Object.assign(report, { online, overdue });
  await fleet.put({ online, countedAt: clock() });
  await rounds.finish(earlier.keys());
}

const isOver = (row: OnlineRow, now: number) => row.leaseExpiresAt < now - GRACE_MS;

/** Whether a row's lease is over, its agent has stalled, or is marked as stalled and advances again. */
function isDue(row: OnlineRow, now: number): boolean {
  const stalls = row.stallsAt !== undefined && row.stallsAt <= now;
  return isOver(row, now) || stalls !== (row.stalledSince !== undefined);
}

async function act(
  row: OnlineRow,
  now: number,
  deps: SweepDependencies,
  report: SweepReport,
): Promise<void> {
  const { stallsAt, stalledSince } = row;
  if (isOver(row, now)) {
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

async function close(row: OnlineRow, deps: SweepDependencies, report: SweepReport): Promise<void> {
  try {
    if ((await deps.connections.close(row.connectionId)) === "done") report.connectionsClosed += 1;
  } catch (error) {
    // The gateway closes it itself when it idles; the agent's status is already right.
    report.closesFailed += 1;
    deps.log.warn({ event: "close_failed", connectionId: row.connectionId, error: String(error) });
  }
}

function publish(report: SweepReport, metrics: MetricsSink): void {
  if (report.online !== null) metrics.addMetric("AgentsOnline", "Count", report.online);
  if (report.overdue !== null) metrics.addMetric("HeartbeatsOverdue", "Count", report.overdue);
  metrics.addMetric("LeasesExpired", "Count", report.expired);
  metrics.addMetric("ExpirationsLost", "Count", report.lost);
  metrics.addMetric("AgentsStalled", "Count", report.stalled);
  metrics.addMetric("AgentsRecovered", "Count", report.recovered);
  metrics.addMetric("ConnectionsClosed", "Count", report.connectionsClosed);
  metrics.addMetric("ClosesFailed", "Count", report.closesFailed);
  metrics.addMetric("SweepsUnfinished", "Count", report.finished ? 0 : 1);
  metrics.publishStoredMetrics();
}

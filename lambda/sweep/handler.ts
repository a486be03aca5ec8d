/**
 * The sweep: stores agents with expired leases as offline, which publishes the transition, and closes their connections; marks
 * agents whose work stalls or recovers; and counts the fleet. Readers don't depend on it, because they derive the status.
 */

import pLimit from "p-limit";
import { LIMITS } from "../../core/protocol";
import { displacedConnections, openConnections } from "../../core/row-connections";
import type { LeaseStore } from "../lease/store";
import type { Connections } from "../shared/connections";
import type { FleetCountStore } from "../shared/fleet-size";
import type { Log } from "../shared/log";
import type { MetricsSink } from "../shared/metrics";
import { counted, NO_AGENTS, sumOf } from "./fleet-counts";
import { nothingDone, publish, type SweepReport } from "./report";
import type { LeaseScan, OnlineRow } from "./scan";
import type { Progress, ScanCheckpoints } from "./scan-checkpoints";
import type { Permission, SelfPreservation } from "./self-preservation";

/** A heartbeat received at the end of a lease may not be stored yet. */
const GRACE_MS = 2000;

/** Writes and closes at a time. */
const CONCURRENCY = 64;

/** Rows kept in memory until the fleet is counted, about 20 MB. Further ones are found by a second scan. */
const KEPT_ROWS = 50_000;

export interface SweepDependencies {
  leases: Pick<LeaseStore, "expire" | "stall" | "recover" | "forget">;
  scan: LeaseScan;
  checkpoints: ScanCheckpoints;
  fleet: Pick<FleetCountStore, "put">;
  /** Undefined if it is off. */
  selfPreservation: SelfPreservation | undefined;
  connections: Pick<Connections, "close">;
  log: Log;
  metrics: MetricsSink;
  clock: () => number;
  /** How long before the function's timeout the scan stops. */
  scanReserveMs: number;
  /** How long before the function's timeout no further row is processed. */
  reserveMs: number;
  /** @default 50,000 */
  keptRows?: number;
}

/** The state of one run. */
interface Run extends SweepDependencies {
  report: SweepReport;
  /** Rows to process once the fleet is counted. */
  due: OnlineRow[];
  permission: Permission;
  remainingMs(): number;
}

/** Overlapping runs are safe, because each write has one winner. */
export function sweepHandler(deps: SweepDependencies) {
  return async (_event: unknown, context: { getRemainingTimeInMillis(): number }) => {
    const report = nothingDone();
    const remainingMs = () => context.getRemainingTimeInMillis();
    const run: Run = { ...deps, report, due: [], permission: "expire", remainingMs };
    const { scan, checkpoints, log, metrics } = deps;
    const earlier = await checkpoints.resume();
    const reached = await Promise.all(
      scan.segments.map((segment) => passOver(segment, earlier.get(segment), run)),
    );
    report.finished = reached.every(({ position }) => position === undefined);
    await actOn(reached, run);
    if (reached.every(({ position }) => position === undefined)) {
      await finishRound(reached, earlier, run);
    } else {
      // Finished segments too, so that the next run skips them.
      await Promise.all(reached.map((progress, index) => checkpoints.save(index, progress)));
    }
    publish(report, metrics);
    log.info({ event: "swept", ...report });
    return report;
  };
}

/** Continues the scan of a segment as far as the time allows. Collects rows, but does not process them. */
async function passOver(segment: number, from: Progress | undefined, run: Run): Promise<Progress> {
  const { clock, scan, report, due, keptRows = KEPT_ROWS, scanReserveMs, remainingMs } = run;
  if (from && !from.position) return from;
  let { position, counts } = from ?? { position: undefined, counts: NO_AGENTS };
  do {
    // Uses the current time for each page, because a run may take minutes.
    const now = clock();
    const page = await scan.page(segment, position);
    for (const row of page.rows) {
      counts = counted(counts, row, now);
      if (!isDue(row, now)) continue;
      report.found += 1;
      if (due.length < keptRows) due.push(row);
    }
    position = page.next;
  } while (position && remainingMs() >= scanReserveMs);
  return { position, counts };
}

/** Processes the rows found, as far as self-preservation and the time allow. */
async function actOn(reached: readonly Progress[], run: Run): Promise<void> {
  const { selfPreservation, clock, due, report, scan } = run;
  const now = clock();
  const over = due.filter((row) => isOver(row, now));
  const counts = sumOf(reached.map((progress) => progress.counts));
  if (selfPreservation)
    run.permission = await selfPreservation.permission(counts, report.finished, over, now);
  if (run.permission === "hold") {
    // Stalls are withheld too, because work looks stalled while heartbeats don't reach the table.
    const advancing = due.filter(
      (row) => !isOver(row, now) && (row.stalledSince !== undefined || !hasStallChanged(row, now)),
    );
    report.held = report.found - advancing.length;
    await actOnAll(advancing, run);
    return;
  }
  await actOnAll(due, run);
  if (report.found === due.length) return;
  for (const segment of scan.segments) {
    let position: Progress["position"];
    do {
      const page = await scan.page(segment, position);
      const at = clock();
      await actOnAll(
        page.rows.filter((row) => isDue(row, at)),
        run,
      );
      position = page.next;
    } while (position && report.finished);
  }
}

async function actOnAll(rows: readonly OnlineRow[], run: Run): Promise<void> {
  await pLimit(CONCURRENCY).map(rows, async (row) => {
    if (run.remainingMs() < run.reserveMs) run.report.finished = false;
    else await act(row, run);
  });
}

async function finishRound(
  reached: readonly Progress[],
  earlier: ReadonlyMap<number, Progress>,
  { fleet, checkpoints, clock, report }: Run,
): Promise<void> {
  const { online, overdue } = sumOf(reached.map(({ counts }) => counts));
  Object.assign(report, { online, overdue });
  await fleet.put({ online, countedAt: clock() });
  await checkpoints.finish(earlier.keys());
}

const isOver = (row: OnlineRow, now: number) => row.leaseExpiresAt < now - GRACE_MS;

/** Whether a row's lease has expired, its work has stalled or recovered, or the grace period of displaced connections is over. */
function isDue(row: OnlineRow, now: number): boolean {
  return isOver(row, now) || hasStallChanged(row, now) || isGraceOver(row, now);
}

/** Whether an agent has stalled but is not marked, or is marked but has recovered. */
function hasStallChanged({ stallsAt, stalledSince }: OnlineRow, now: number): boolean {
  return (stallsAt !== undefined && stallsAt <= now) !== (stalledSince !== undefined);
}

const isGraceOver = (row: OnlineRow, now: number) =>
  displacedConnections(row).length > 0 && row.connectedAt + LIMITS.supersededGraceMs <= now;

async function act(row: OnlineRow, run: Run): Promise<void> {
  const { leases, report, selfPreservation, permission } = run;
  const { stallsAt, stalledSince } = row;
  const now = run.clock();
  if (isOver(row, now)) {
    if (permission === "probe" && (await selfPreservation?.recentlyActive(row, now))) {
      report.held += 1;
      return;
    }
    const written = await leases.expire(row);
    report[written ? "expired" : "lost"] += 1;
    if (written) await closeAll([...openConnections(row), ...displacedConnections(row)], run);
    return;
  }
  if (isGraceOver(row, now) && row.displaced) {
    // Connections that could not be closed are kept, so that a lock-out finds them.
    const closed = await closeAll(displacedConnections(row), run);
    if (closed) await leases.forget({ ...row, displaced: row.displaced });
  }
  if (!hasStallChanged(row, now)) return;
  if (stalledSince !== undefined) {
    const written = await leases.recover({ ...row, stalledSince });
    report[written ? "recovered" : "lost"] += 1;
  } else if (stallsAt !== undefined) {
    const written = await leases.stall({ ...row, stallsAt });
    report[written ? "stalled" : "lost"] += 1;
  }
}

async function closeAll(connectionIds: string[], run: Run): Promise<boolean> {
  let closed = true;
  for (const connectionId of connectionIds) closed = (await close(connectionId, run)) && closed;
  return closed;
}

/** @returns false if it may still be open */
async function close(connectionId: string, { connections, report, log }: Run): Promise<boolean> {
  try {
    if ((await connections.close(connectionId)) === "done") report.connectionsClosed += 1;
    return true;
  } catch (error) {
    // The gateway closes it when it is idle. The agent's status is already correct.
    report.closesFailed += 1;
    log.warn({ event: "close_failed", connectionId, error: String(error) });
    return false;
  }
}

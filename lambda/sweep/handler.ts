/**
 * The sweep: stores agents with expired leases as offline, which publishes the transition, and closes their connections; marks
 * agents whose work stalls or recovers; and counts the fleet. Readers don't depend on it, because they derive the status.
 */

import pLimit from "p-limit";
import { LIMITS } from "../../core/limits";
import { displacedConnections, openConnections } from "../../core/row-connections";
import type { LeaseStore } from "../lease/store";
import type { Connections } from "../shared/connections";
import type { FleetCountStore } from "../shared/fleet-size";
import type { Log } from "../shared/log";
import type { MetricsSink } from "../shared/metrics";
import {
  counted,
  type FleetCounts,
  merged,
  NO_AGENTS,
  type OrganizationCounts,
  sumOf,
} from "./fleet-counts";
import { nothingDone, publish, type SweepReport } from "./report";
import type { LeaseScan, OnlineRow } from "./scan";
import type { Progress, ScanCheckpoints } from "./scan-checkpoints";
import type { Permission, SelfPreservation } from "./self-preservation";
import { isTrendDue, type TrendStore } from "./trend-store";

/** A heartbeat received at the end of a lease may not be stored yet. */
const GRACE_MS = 2000;

/** Writes and closes at a time. */
const CONCURRENCY = 64;

/** Failures that a run logs; all of them are counted. */
const LOGGED_FAILURES = 10;

/** Rows kept in memory until the fleet is counted, about 20 MB. Further ones are found by a second scan. */
const KEPT_ROWS = 50_000;

export interface SweepDependencies {
  leases: Pick<LeaseStore, "expire" | "stall" | "recover" | "forget">;
  scan: LeaseScan;
  checkpoints: ScanCheckpoints;
  fleet: Pick<FleetCountStore, "put">;
  trends: Pick<TrendStore, "put">;
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
  /** For each organization. */
  permission(organizationId: string): Permission;
  remainingMs(): number;
}

/** Overlapping runs are safe, because each write has one winner. */
export function sweepHandler(deps: SweepDependencies) {
  return async (_event: unknown, context: { getRemainingTimeInMillis(): number }) => {
    const report = nothingDone();
    const remainingMs = () => context.getRemainingTimeInMillis();
    const run: Run = { ...deps, report, due: [], permission: () => "expire", remainingMs };
    const { scan, checkpoints, log, metrics } = deps;
    const earlier = await checkpoints.resume();
    const reached = await Promise.all(
      scan.segments.map((segment) => passOver(segment, earlier.get(segment), run)),
    );
    report.finished = reached.every(isAtEnd);
    const organizations = merged(reached.map((progress) => progress.organizations));
    await actOn(organizations, run);
    try {
      if (reached.every(isAtEnd)) await finishRound(reached, organizations, earlier, run);
      // Finished segments too, so that the next run skips them.
      else await Promise.all(reached.map((progress, index) => save(progress, index, checkpoints)));
    } catch (error) {
      failed("counts_not_stored", {}, error, run);
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
  const organizations = new Map<string, FleetCounts>(from?.organizations);
  try {
    do {
      // Uses the current time for each page, because a run may take minutes.
      const now = clock();
      const page = await scan.page(segment, position);
      for (const row of page.rows) {
        const { organizationId } = row;
        counts = counted(counts, row, now);
        organizations.set(
          organizationId,
          counted(organizations.get(organizationId) ?? NO_AGENTS, row, now),
        );
        if (!isDue(row, now)) continue;
        report.found += 1;
        if (due.length < keptRows) due.push(row);
      }
      position = page.next;
    } while (position && remainingMs() >= scanReserveMs);
  } catch (error) {
    // The other segments go on, and what was found is acted on.
    failed("segment_failed", { segment }, error, run);
    return { position, counts, organizations, failed: true };
  }
  return { position, counts, organizations };
}

const isAtEnd = ({ position, failed }: Progress) => position === undefined && !failed;

/** A segment that failed at its first page starts from the beginning. */
async function save(
  progress: Progress,
  segment: number,
  checkpoints: ScanCheckpoints,
): Promise<void> {
  if (progress.position || isAtEnd(progress)) await checkpoints.save(segment, progress);
}

/** The next run retries what failed; an alarm reports the failure. */
function failed(event: string, what: object, error: unknown, { report, log }: Run): void {
  report.failures += 1;
  if (report.failures <= LOGGED_FAILURES) log.error({ event, ...what, error: String(error) });
}

/** Processes the rows found, as far as self-preservation and the time allow. */
async function actOn(organizations: OrganizationCounts, run: Run): Promise<void> {
  const { selfPreservation, clock, due, report, scan } = run;
  const now = clock();
  const over = due.filter((row) => isOver(row, now));
  if (selfPreservation) {
    const permissions = await selfPreservation.permissions(
      organizations,
      report.finished,
      over,
      now,
    );
    report.failures += permissions.failures;
    run.permission = permissions.of;
  }
  const free = due.filter((row) => !isHeld(row, now, run));
  report.held = due.length - free.length;
  await actOnAll(free, run);
  if (report.found === due.length) return;
  for (const segment of scan.segments) {
    let position: Progress["position"];
    do {
      const page = await scan.page(segment, position);
      const at = clock();
      await actOnAll(
        page.rows.filter((row) => isDue(row, at) && !isHeld(row, at, run)),
        run,
      );
      position = page.next;
    } while (position && report.finished);
  }
}

async function actOnAll(rows: readonly OnlineRow[], run: Run): Promise<void> {
  await pLimit(CONCURRENCY).map(rows, async (row) => {
    if (run.remainingMs() < run.reserveMs) {
      run.report.finished = false;
      return;
    }
    try {
      await act(row, run);
    } catch (error) {
      const { organizationId, agentId } = row;
      failed("row_failed", { organizationId, agentId }, error, run);
    }
  });
}

/** Whether self-preservation withholds what is to be done. Work looks stalled too while heartbeats don't reach the table. */
function isHeld(row: OnlineRow, now: number, { permission }: Run): boolean {
  if (permission(row.organizationId) !== "hold") return false;
  return isOver(row, now) || (row.stalledSince === undefined && hasStallChanged(row, now));
}

async function finishRound(
  reached: readonly Progress[],
  organizations: OrganizationCounts,
  earlier: ReadonlyMap<number, Progress>,
  { fleet, checkpoints, trends, clock, report, log }: Run,
): Promise<void> {
  const { online, overdue } = sumOf(reached.map(({ counts }) => counts));
  Object.assign(report, { online, overdue });
  const now = clock();
  const last = await fleet.put({ online, countedAt: now });
  await checkpoints.finish(earlier.keys());
  // Checkpoints don't have the counts of all organizations if there are very many.
  const complete = sumOf([...organizations.values()]).online === online;
  if (!complete || !isTrendDue(last?.countedAt, now)) return;
  try {
    await trends.put(organizations, now);
  } catch (error) {
    // Charts then lack a sweep. Nothing else depends on the counts.
    log.warn({ event: "trend_not_stored", error: String(error) });
  }
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
    if (
      permission(row.organizationId) === "probe" &&
      (await selfPreservation?.recentlyActive(row, now))
    ) {
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

/**
 * The sweep: stores agents with expired leases as offline, which makes the transition, and closes their connections;
 * marks agents whose work stalls or advances again; and counts the fleet. Readers don't depend on it: they derive
 * the status.
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

/** A heartbeat that came in at the last moment of a lease may still be on its way to the table. */
const GRACE_MS = 2000;

/** Writes and closes under way at once. */
const CONCURRENCY = 64;

/** Rows that are kept until the whole fleet is counted, about 20 MB; further ones are looked for again. */
const KEPT_ROWS = 50_000;

export interface SweepDependencies {
  leases: Pick<LeaseStore, "expire" | "stall" | "recover" | "forget">;
  scan: LeaseScan;
  checkpoints: ScanCheckpoints;
  fleet: Pick<FleetCountStore, "put">;
  /** Undefined where it is off. */
  selfPreservation: SelfPreservation | undefined;
  connections: Pick<Connections, "close">;
  log: Log;
  metrics: MetricsSink;
  clock: () => number;
  /** How long before the function's time-out no further page is begun: time to act on what was found. */
  scanReserveMs: number;
  /** How long before the function's time-out no further row is acted on. */
  reserveMs: number;
  /** @default 50,000 */
  keptRows?: number;
}

/** One run: what it needs beside its dependencies, and what it has done so far. */
interface Run extends SweepDependencies {
  report: SweepReport;
  /** Rows to act on once the fleet is counted. */
  due: OnlineRow[];
  permission: Permission;
  remainingMs(): number;
}

/** Two runs at once do no harm: each write has one winner. */
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
      // Also segments at their end, so that the round's next run leaves them out.
      await Promise.all(reached.map((progress, index) => checkpoints.save(index, progress)));
    }
    publish(report, metrics);
    log.info({ event: "swept", ...report });
    return report;
  };
}

/** Goes on from where the round stands in a segment, as far as the time allows, and acts on nothing yet. */
async function passOver(segment: number, from: Progress | undefined, run: Run): Promise<Progress> {
  const { clock, scan, report, due, keptRows = KEPT_ROWS, scanReserveMs, remainingMs } = run;
  if (from && !from.position) return from;
  let { position, counts } = from ?? { position: undefined, counts: NO_AGENTS };
  do {
    // By the deadlines as of now, however late this run is.
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

/** Acts on what was found, as far as self-preservation and the time allow. */
async function actOn(reached: readonly Progress[], run: Run): Promise<void> {
  const { selfPreservation, clock, due, report, scan } = run;
  const now = clock();
  const over = due.filter((row) => isOver(row, now));
  const counts = sumOf(reached.map((progress) => progress.counts));
  if (selfPreservation)
    run.permission = await selfPreservation.permission(counts, report.finished, over, now);
  if (run.permission === "hold") {
    // Stalls are withheld too: work looks stalled while heartbeats do not reach the table.
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

/** Whether a row's lease is over, its agent has stalled or recovered, or displaced connections have had their time. */
function isDue(row: OnlineRow, now: number): boolean {
  return isOver(row, now) || hasStallChanged(row, now) || isGraceOver(row, now);
}

/** Whether an agent has stalled, or is marked as stalled and advances again. */
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
    // What could not be closed is remembered: a lock-out has to find it.
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
    // The gateway closes it itself when it idles; the agent's status is already right.
    report.closesFailed += 1;
    log.warn({ event: "close_failed", connectionId, error: String(error) });
    return false;
  }
}

/** A run at twice the capacity of the machine: what is acknowledged meanwhile, and how soon all is well after it. */

import type { OverloadResult } from "../bench/throughput/load";
import { load, measureCapacity } from "./capacity";
import { pause } from "./faults/pause";
import { come, untilBack } from "./run";
import { Stage } from "./stage/stage";

export interface OverloadOptions {
  seconds: number;
  seed: number;
  /** Hears what is being done, a line each. */
  report(line: string): void;
}

/** Real agents beside the load, whose messages are counted. */
const AGENTS = 20;
const TIMES = 2;
/** What has to be acknowledged, as a share of the capacity. */
const LEAST_SHARE = 0.8;
const WELL_WITHIN_MS = 10_000;
/** What the real agents may send under overload, as a multiple of what they send before: rotations vary. */
const MOST_GROWTH = 1.25;
/** How many events the runtime has under way: half a second of the capacity, so that acks still arrive in time. */
const CONCURRENCY_SECONDS = 0.5;
const LEAST_CONCURRENCY = 20;

export interface OverloadReport {
  seed: number;
  seconds: number;
  /** Heartbeats a second that the machine acknowledges. */
  capacity: number;
  concurrency: number;
  sentPerSecond: number;
  ackedPerSecond: number;
  refusedPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** What the real agents sent, heartbeats and logins, a second. */
  agents: { count: number; before: number; during: number };
  /** Until every connection of the load, and every real agent, was acknowledged again; null if that took too long. */
  recoveredMs: number | null;
  passed: boolean;
}

export async function runOverload({
  seconds,
  seed,
  report,
}: OverloadOptions): Promise<OverloadReport> {
  const stage = await Stage.open({ seed, report });
  try {
    // The first measurement finds the functions cold.
    await measureCapacity(stage);
    const { heartbeats: capacity } = await measureCapacity(stage);
    const concurrency = Math.max(LEAST_CONCURRENCY, Math.round(capacity * CONCURRENCY_SECONDS));
    report(
      `the capacity is ${capacity} heartbeats a second; at most ${concurrency} events at once`,
    );
    await stage.killGateway();
    await stage.startGateway({ concurrency });
    await stage.enrol(AGENTS, 1);
    await come(stage);
    // From when the first agents rotate their connections until the last has: what they send before that is less.
    const { rotateAfter } = stage.pace.options;
    await pause(rotateAfter.min * 1000);
    const calmAt = stage.now();
    await pause(rotateAfter.max * 1000);
    const begunAt = stage.now();
    const before = sentBetween(stage, calmAt, begunAt);
    report(`${TIMES * capacity} heartbeats a second for ${seconds} s`);
    // The service takes one heartbeat a second from a connection.
    const connections = TIMES * capacity;
    const overload = { connections, perSecond: TIMES * capacity, seconds };
    const result = await load<OverloadResult>(stage, overload);
    const endedAt = stage.now() - (result.recoveredMs ?? 0);
    const during = sentBetween(stage, endedAt - seconds * 1000, endedAt);
    const missing = await untilBack(stage, stage.agentIds, endedAt);
    const agentsBackMs = missing.length > 0 ? null : stage.now() - endedAt;
    for (const [problem, count] of stage.recorder.problems) report(`${count} times: ${problem}`);
    return reportOf(result, { seed, seconds, capacity, concurrency, before, during, agentsBackMs });
  } finally {
    await stage.close();
  }
}

/** Heartbeats and logins of the real agents that reached the gateway, a second. */
function sentBetween({ recorder }: Stage, from: number, until: number): number {
  const { signs } = recorder.evidence;
  const sent = signs.filter(({ kind, at }) => kind !== "disconnect" && at >= from && at < until);
  return (sent.length / (until - from)) * 1000;
}

interface Measured {
  seed: number;
  seconds: number;
  capacity: number;
  concurrency: number;
  before: number;
  during: number;
  agentsBackMs: number | null;
}

function reportOf(result: OverloadResult, measured: Measured): OverloadReport {
  const { seed, seconds, capacity, concurrency, before, during, agentsBackMs } = measured;
  const { sent, acked, refused, p50Ms, p99Ms } = result;
  const both = [result.recoveredMs, agentsBackMs];
  const recoveredMs = both.includes(null) ? null : Math.max(...both.map(Number));
  const ackedPerSecond = acked / seconds;
  return {
    seed,
    seconds,
    capacity,
    concurrency,
    sentPerSecond: sent / seconds,
    ackedPerSecond,
    refusedPerSecond: refused / seconds,
    p50Ms,
    p99Ms,
    agents: { count: AGENTS, before, during },
    recoveredMs,
    passed:
      ackedPerSecond >= LEAST_SHARE * capacity &&
      recoveredMs !== null &&
      recoveredMs <= WELL_WITHIN_MS &&
      during <= MOST_GROWTH * before,
  };
}

export function overloadTable(report: OverloadReport): [string, string][] {
  const { capacity, agents, recoveredMs } = report;
  const whole = (value: number) => String(Math.round(value));
  const share = whole((report.ackedPerSecond / capacity) * 100);
  return [
    ["seed", String(report.seed)],
    ["capacity, measured", `${capacity} heartbeats a second`],
    ["events at once", String(report.concurrency)],
    ["sent", `${whole(report.sentPerSecond)} a second, for ${report.seconds} s`],
    [
      "acknowledged",
      `${whole(report.ackedPerSecond)} a second, ${share} % of the capacity (at least ${LEAST_SHARE * 100} %)`,
    ],
    ["refused", `${whole(report.refusedPerSecond)} a second`],
    ["from heartbeat to ack", `p50 ${whole(report.p50Ms)}, p99 ${whole(report.p99Ms)} ms`],
    [
      `sent by ${agents.count} real agents`,
      `${agents.before.toFixed(1)} messages a second before, ${agents.during.toFixed(1)} meanwhile`,
    ],
    [
      "all well after",
      recoveredMs === null
        ? "not within a minute"
        : `${(recoveredMs / 1000).toFixed(1)} s (at most ${WELL_WITHIN_MS / 1000} s)`,
    ],
  ];
}

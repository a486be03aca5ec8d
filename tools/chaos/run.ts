/** One run: a fleet connects, suffers faults, recovers and leaves. The evidence is recorded. */

import type { FaultInjector } from "./breaks";
import { CLOCK_MS } from "./checker/connections";
import type { Evidence, Leftovers } from "./evidence";
import { inject, pause } from "./faults/inject";
import { drawPlan } from "./faults/plan";
import { LEASE_MS, Stage } from "./stage/stage";

export interface RunOptions {
  agents: number;
  seconds: number;
  seed: number;
  /** Injects a defect into the product. */
  injector?: FaultInjector;
  /** Called with a line for each action. */
  report(line: string): void;
}

/** Agents of one process. */
const PER_PROCESS = 50;
const LEAST_PROCESSES = 3;
const LOOK_EVERY_MS = 400;
/** The shortest interval that a deployment allows. */
const SWEEP_EVERY_MS = 10_000;
/** The time for the fleet to connect, and to reconnect after the last fault. */
const PATIENCE_MS = 90_000;
/** The sweep's grace period of two seconds after a lease. */
const SWEEP_GRACE_MS = 2000;
const POLL_MS = 200;

/** @throws Error if something broke that no fault may break */
export async function runChaos(options: RunOptions): Promise<Evidence> {
  const { agents, seconds, seed, injector, report } = options;
  const processes = Math.min(agents, Math.max(LEAST_PROCESSES, Math.ceil(agents / PER_PROCESS)));
  const stage = await Stage.open({
    agents,
    processes,
    seed,
    report,
    ...(injector && { injector }),
  });
  const { recorder } = stage;
  const ending = new AbortController();
  try {
    report(`${agents} agents in ${processes} processes connect`);
    for (const group of stage.groups) {
      await stage.startGroup(group);
      await untilBack(stage, group.agentIds, stage.now());
    }
    expectWhole(stage);
    const watching = watch(stage, ending.signal);
    await injectFaults(stage, { seed, seconds, agents, processes });
    expectWhole(stage);
    report("all faults have ended");
    const healedAt = stage.now();
    recorder.evidence.notBack = await untilBack(stage, stage.agentIds, healedAt);
    report(
      `the fleet is connected after ${Math.round((stage.now() - healedAt) / 1000)} s, and leaves`,
    );
    const leftovers = await leave(stage);
    ending.abort();
    await watching;
    const changes = await untilTold(stage);
    expectWhole(stage);
    if (stage.clockDriftMs > CLOCK_MS) {
      throw new Error(`the machine's clock moved by ${Math.round(stage.clockDriftMs)} ms: void`);
    }
    for (const [problem, count] of recorder.problems) report(`${count} times: ${problem}`);
    return { ...recorder.evidence, endedAt: stage.now(), leftovers, changes };
  } finally {
    ending.abort();
    await stage.close();
  }
}

/** @throws Error if something failed that no fault may affect, which invalidates the run */
function expectWhole({ broken }: Stage): void {
  if (broken !== undefined) throw new Error(broken);
}

/** Reads the table and runs the sweep repeatedly. */
async function watch(stage: Stage, signal: AbortSignal): Promise<void> {
  let sweepAt = stage.now() + SWEEP_EVERY_MS;
  while (!signal.aborted) {
    // Nobody can read while the database is down.
    const look = await stage.look().catch(() => undefined);
    if (look) stage.recorder.evidence.looks.push(look);
    if (stage.now() >= sweepAt) {
      sweepAt += SWEEP_EVERY_MS;
      stage.tellRuntime({ do: "sweep" });
    }
    await pause(LOOK_EVERY_MS);
  }
}

async function injectFaults(
  stage: Stage,
  options: Omit<RunOptions, "report" | "injector"> & { processes: number },
): Promise<void> {
  const { seed, seconds, agents, processes } = options;
  const durationMs = seconds * 1000;
  const plan = drawPlan({ seed, durationMs, agents, processes, leaseMs: LEASE_MS });
  stage.recorder.begin();
  const begunAt = stage.now();
  const underWay: Promise<void>[] = [];
  for (const { atMs, ...fault } of plan) {
    await pause(Math.max(0, begunAt + atMs - stage.now()));
    if (stage.broken !== undefined) break;
    underWay.push(
      inject(fault, stage).catch((error: Error) => {
        stage.broken ??= `${fault.kind}: ${error.message}`;
      }),
    );
  }
  await Promise.all(underWay);
  await pause(Math.max(0, begunAt + durationMs - stage.now()));
  stage.database.proxy.heal();
}

/** Waits until each agent has received an ack since a given time. @returns agents that have not */
async function untilBack(stage: Stage, agentIds: string[], since: number): Promise<string[]> {
  const isBack = (agentId: string) =>
    [...stage.recorder.agent(agentId).connections.values()].some(
      ({ endedAt, heartbeats }) => endedAt === null && (heartbeats.at(-1)?.ackedAt ?? 0) > since,
    );
  const deadline = stage.now() + PATIENCE_MS;
  let missing = agentIds;
  while (missing.length > 0 && stage.now() < deadline && stage.broken === undefined) {
    missing = missing.filter((agentId) => !isBack(agentId));
    await pause(POLL_MS);
  }
  return missing;
}

/** Ends all agents, half of them with a drain, and waits until everything must be gone. */
async function leave(stage: Stage): Promise<Leftovers> {
  for (const [index, { program }] of stage.groups.entries()) {
    program?.channel.send({ do: "leave", drain: index % 2 === 0 });
  }
  const left = stage.groups.map(({ left }) => left.promise);
  await Promise.race([Promise.all(left), pause(PATIENCE_MS)]);
  await pause(LEASE_MS + SWEEP_GRACE_MS);
  const links = [...stage.links.values()].reduce((sum, link) => sum + link.size, 0);
  // Connections on frozen links: a gateway can't notice their end before the idle timeout.
  for (const link of stage.links.values()) await link.close();
  const onlineRows = await untilStored(stage);
  const gatewayConnections = await connectionsOf(stage);
  const subscriptions = await stage.subscriptions();
  return {
    links,
    gatewayConnections,
    onlineRows,
    subscriptions: subscriptions.map(({ connectionId, ttlEpochSeconds }) => ({
      connectionId: connectionId?.S ?? "",
      ttlEpochSeconds: ttlEpochSeconds && Number(ttlEpochSeconds.N),
    })),
  };
}

/** Sweeps until no agent is stored as online, up to a time limit. @returns agents that still are */
async function untilStored(stage: Stage): Promise<string[]> {
  const deadline = stage.now() + PATIENCE_MS;
  for (;;) {
    await sweep(stage);
    const { rows } = await stage.look();
    const online = [...rows.values()].filter(({ status }) => status === "online");
    if (online.length === 0 || stage.now() > deadline) return online.map(({ agentId }) => agentId);
    await pause(5 * POLL_MS);
  }
}

async function sweep(stage: Stage): Promise<void> {
  const swept = stage.hearRuntime("swept", PATIENCE_MS);
  stage.tellRuntime({ do: "sweep" });
  await swept;
}

/** The number of the gateway's connections when it no longer decreases. */
async function connectionsOf(stage: Stage): Promise<number> {
  let count = Number.POSITIVE_INFINITY;
  for (;;) {
    const counted = stage.hearRuntime("connections", PATIENCE_MS);
    stage.tellRuntime({ do: "count connections" });
    const next = (await counted)?.count ?? 0;
    if (next === 0 || next >= count) return next;
    count = next;
    await pause(5 * POLL_MS);
  }
}

/** Waits until every stored change was published, up to a time limit. @returns the changes */
async function untilTold(stage: Stage) {
  const changes = await stage.engine.changes(stage.ready.statusTableName);
  const deadline = stage.now() + PATIENCE_MS;
  const untold = () => {
    const published = new Set(stage.recorder.evidence.published.map(({ id }) => id));
    return changes.some(({ id }) => !published.has(id));
  };
  while (untold() && stage.now() < deadline) await pause(POLL_MS);
  return changes;
}

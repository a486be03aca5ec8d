/** One run: a fleet connects, suffers faults, recovers and leaves. The evidence is recorded. */

import type { FaultInjector } from "./breaks";
import { capacityText, FLEET_SHARE, fleetFor, measureCapacity, paceFor } from "./capacity";
import { CLOCK_MS } from "./checker/connections";
import type { Evidence, Leftovers } from "./evidence";
import { inject } from "./faults/inject";
import { pause } from "./faults/pause";
import { drawPlan } from "./faults/plan";
import type { Pace } from "./stage/pace";
import { Stage } from "./stage/stage";

export interface RunOptions {
  /** @default as many as the machine carries, at most 500 */
  agents: number | undefined;
  seconds: number;
  seed: number;
  /** Injects a defect into the product. */
  injector?: FaultInjector;
  /** How many of the agents send their heartbeats over HTTP, from 0 to 1. @default 0 */
  httpShare?: number;
  /** A Python for the agents of every second process. @default - none */
  python?: string;
  /** Called with a line for each action. */
  report(line: string): void;
}

/** Agents of one process. */
export const PER_PROCESS = 50;
const MOST_AGENTS = 500;
const LEAST_AGENTS = 3;
const LEAST_PROCESSES = 3;
const LOOK_EVERY_MS = 400;
/** The shortest interval that a deployment allows. */
export const SWEEP_EVERY_MS = 10_000;
/** How long the run waits for the next event. It continues as long as events arrive, because machines differ in speed. */
const PATIENCE_MS = 90_000;
/** The sweep's grace period of two seconds after a lease. */
export const SWEEP_GRACE_MS = 2000;
const POLL_MS = 200;

/** @throws Error if something broke that no fault may break */
export async function runChaos(options: RunOptions): Promise<Evidence> {
  const { seconds, seed, injector, python, httpShare = 0, report } = options;
  const stage = await Stage.open({
    seed,
    report,
    ...(injector && { injector }),
    ...(python && { python }),
  });
  const watch = new Watch(stage);
  try {
    const { agents, pace } = await sizeOf(options, stage);
    const processes = Math.min(agents, Math.max(LEAST_PROCESSES, Math.ceil(agents / PER_PROCESS)));
    await stage.enrol(agents, processes, pace, httpShare);
    const overHttp = Math.floor(agents * httpShare);
    report(
      `${agents} agents in ${processes} processes connect, ${overHttp} with heartbeats over HTTP`,
    );
    const startedAt = stage.now();
    await come(stage);
    report(`they are there after ${secondsSince(startedAt, stage)}`);
    watch.start();
    await injectFaults(stage, { seed, seconds, agents, processes });
    return await finish(stage, watch);
  } finally {
    watch.stop();
    await stage.close();
  }
}

/** Measures the machine, so that the verdict does not depend on it: it gets as many agents as it carries, or slower ones. */
async function sizeOf(
  { agents: wanted, report }: RunOptions,
  stage: Stage,
): Promise<{ agents: number; pace: Pace }> {
  const begunAt = stage.now();
  const capacity = await measureCapacity(stage);
  const carried = fleetFor(capacity, FLEET_SHARE, MOST_AGENTS);
  const measured = `measured in ${secondsSince(begunAt, stage)}`;
  report(`${capacityText(capacity)}, enough for ${carried} agents (${measured})`);
  const agents = wanted ?? Math.max(LEAST_AGENTS, carried);
  const pace = paceFor(capacity, FLEET_SHARE, agents);
  report(`a heartbeat every ${pace.options.heartbeatInterval} s`);
  return { agents, pace };
}

/** Starts the groups, each when the previous one is online. */
export async function come(stage: Stage): Promise<void> {
  for (const group of stage.processes.groups) {
    await stage.processes.start(group);
    await untilBack(stage, group.agentIds, stage.now());
  }
  expectWhole(stage);
}

/** Injects no more faults: the fleet reconnects and stops, and what remains is counted. */
export async function finish(stage: Stage, watch: Watch): Promise<Evidence> {
  const { recorder } = stage;
  expectWhole(stage);
  recorder.report(
    `everything is well again, after ${secondsSince(recorder.evidence.startedAt, stage)}`,
  );
  const healedAt = stage.now();
  recorder.forgetRefusals();
  const missing = await untilBack(stage, stage.agentIds, healedAt);
  recorder.evidence.notBack = missing.map(
    (agentId) =>
      `${agentId}: ${stage.processes.isSuperseded(agentId) ? "ended as superseded" : recorder.refusalsOf(agentId) || "no answer"}`,
  );
  recorder.report(`the fleet is back after ${secondsSince(healedAt, stage)}, and leaves`);
  const leftAt = stage.now();
  const leftovers = await leave(stage);
  await watch.stop();
  const changes = await untilTold(stage);
  recorder.report(`all of it is published after ${secondsSince(leftAt, stage)}`);
  expectWhole(stage);
  if (stage.clockDriftMs > CLOCK_MS) {
    throw new Error(`the machine's clock moved by ${Math.round(stage.clockDriftMs)} ms: void`);
  }
  for (const [problem, count] of recorder.problems) recorder.report(`${count} times: ${problem}`);
  return { ...recorder.evidence, endedAt: stage.now(), leftovers, changes };
}

const secondsSince = (at: number, stage: Stage) => `${Math.round((stage.now() - at) / 1000)} s`;

/** @throws Error if something failed that no fault may affect, which invalidates the run */
function expectWhole({ broken }: Stage): void {
  if (broken !== undefined) throw new Error(broken);
}

/** Reads the table and runs the sweep, again and again. */
export class Watch {
  #stopped = false;
  #watching: Promise<void> | undefined;

  constructor(private readonly stage: Stage) {}

  start(): void {
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { stage } = this;
    let sweepAt = stage.now() + SWEEP_EVERY_MS;
    while (!this.#stopped) {
      // While the database is down, nobody can be notified.
      const look = await stage.look().catch(() => undefined);
      if (look) stage.recorder.evidence.looks.push(look);
      if (stage.now() >= sweepAt) {
        sweepAt += SWEEP_EVERY_MS;
        stage.runtime.send({ do: "sweep" });
      }
      await pause(LOOK_EVERY_MS);
    }
  }
}

async function injectFaults(
  stage: Stage,
  options: { seed: number; seconds: number; agents: number; processes: number },
): Promise<void> {
  const { seed, seconds, agents, processes } = options;
  const durationMs = seconds * 1000;
  const plan = drawPlan({ seed, durationMs, agents, processes, leaseMs: stage.pace.leaseMs });
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

/** Waits until each agent has had an ack since a moment, as long as further ones have. @returns those that had none */
export async function untilBack(
  stage: Stage,
  agentIds: string[],
  since: number,
): Promise<string[]> {
  const isBack = (agentId: string) =>
    [...stage.recorder.agent(agentId).connections.values()].some(
      ({ endedAt, heartbeats }) => endedAt === null && (heartbeats.at(-1)?.ackedAt ?? 0) > since,
    );
  let missing = agentIds;
  await untilNone(stage, () => {
    missing = missing.filter((agentId) => !isBack(agentId));
    return missing.length;
  });
  return missing;
}

/** Waits until nothing is left of something, as long as it becomes less. */
export async function untilNone(stage: Stage, left: () => number | Promise<number>): Promise<void> {
  let least = Number.POSITIVE_INFINITY;
  let deadline = 0;
  while (stage.broken === undefined) {
    const now = await left();
    if (now < least) deadline = stage.now() + PATIENCE_MS;
    least = Math.min(least, now);
    if (now === 0 || stage.now() > deadline) return;
    await pause(POLL_MS);
  }
}

/** Ends all agents, half of them with a drain, and waits until everything must be gone. */
async function leave(stage: Stage): Promise<Leftovers> {
  for (const [index, { program }] of stage.processes.groups.entries()) {
    program?.channel.send({ do: "leave", drain: index % 2 === 0 });
  }
  let processes = stage.processes.groups.length;
  for (const { left } of stage.processes.groups) void left.promise.then(() => processes--);
  await untilNone(stage, () => processes);
  await pause(stage.pace.leaseMs + SWEEP_GRACE_MS);
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

/** Sweeps until no agent is stored as online. @returns agents that still are */
async function untilStored(stage: Stage): Promise<string[]> {
  let online: string[] = [];
  await untilNone(stage, async () => {
    await sweep(stage);
    const { rows } = await stage.look();
    online = [...rows.values()].flatMap((row) => (row.status === "online" ? row.agentId : []));
    return online.length;
  });
  return online;
}

async function sweep(stage: Stage): Promise<void> {
  const swept = stage.runtime.waitFor("swept", PATIENCE_MS);
  stage.runtime.send({ do: "sweep" });
  await swept;
}

/** The number of the gateway's connections when it no longer decreases. */
async function connectionsOf(stage: Stage): Promise<number> {
  let count = Number.POSITIVE_INFINITY;
  for (;;) {
    const counted = stage.runtime.waitFor("connections", PATIENCE_MS);
    stage.runtime.send({ do: "count connections" });
    const next = (await counted)?.count ?? 0;
    if (next === 0 || next >= count) return next;
    count = next;
    await pause(5 * POLL_MS);
  }
}

/** Waits until every stored change was published. @returns the changes */
async function untilTold(stage: Stage) {
  const changes = await stage.changes();
  await untilNone(stage, () => {
    const published = new Set(stage.recorder.evidence.published.map(({ id }) => id));
    return changes.filter(({ id }) => !published.has(id)).length;
  });
  return changes;
}

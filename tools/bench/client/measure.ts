/**
 * Measures memory, CPU time and traffic of a connected client compared with other clients, and of
 * ten thousand agents in one process.
 */

import { join } from "node:path";
import { Child } from "../child";
import { type MeasureOptions, type Spread, spreadOf } from "../section";
import { BARE, KINDS, OWN, type Ports } from "./clients";
import type { Cost, Task } from "./process";

/** The shortest interval that an agent accepts, so that a short run has enough heartbeats. */
const FAST_MS = 1000;

/** The interval for which figures are reported. */
const INTERVAL_MS = 30_000;
const EXCHANGES_PER_HOUR = 3_600_000 / INTERVAL_MS;

/** An agent replaces its connection after 90 to 110 minutes. */
const HANDSHAKES_PER_HOUR = 60 / 100;

interface Effort {
  clients: number;
  runs: number;
  warmUpMs: number;
  measureMs: number;
  /** Number of agents in the single-process measurement, at the default interval. */
  many: number;
  manyMs: number;
}

const FULL: Effort = {
  clients: 1000,
  runs: 5,
  warmUpMs: 4000,
  measureMs: 10_000,
  many: 10_000,
  manyMs: 60_000,
};
const QUICK: Effort = {
  clients: 50,
  runs: 1,
  warmUpMs: 1000,
  measureMs: 3000,
  many: 200,
  manyMs: 2000,
};

export interface ClientFigures {
  kind: string;
  /** Of one connected client. */
  memoryBytes: Spread;
  /** CPU time of a heartbeat and its ack, relative to the bare client in the same run. */
  cpu: Spread;
  /** CPU time of the handshake, likewise relative. */
  openCpu: Spread;
  /** Absolute, on this machine. */
  cpuMsPerHour: Spread;
  /** Bytes of a heartbeat and of its ack, including frame headers. */
  exchange: { up: number; down: number };
  handshake: { up: number; down: number };
  bytesPerHour: number;
}

export interface ManyFigures {
  agents: number;
  residentBytes: number;
  openSeconds: number;
  /** Share of one core while all agents send heartbeats. */
  cpuShare: number;
  healthy: number;
}

export interface ClientReport {
  clients: number;
  kinds: ClientFigures[];
  many: ManyFigures;
}

export async function measureClients({ quick, progress }: MeasureOptions): Promise<ClientReport> {
  const effort = quick ? QUICK : FULL;
  const server = new Child(fileOf("server"));
  try {
    const ports = await server.next<Ports>();
    const { clients, warmUpMs, measureMs } = effort;
    const runs: Map<string, Cost>[] = [];
    for (let run = 1; run <= effort.runs; run++) {
      const costs = new Map<string, Cost>();
      for (const kind of Object.keys(KINDS)) {
        progress(`${clients} clients, run ${run} of ${effort.runs}: ${kind}`);
        const task = { kind, clients, intervalMs: FAST_MS, warmUpMs, measureMs, ports };
        costs.set(kind, await costOf(task));
      }
      runs.push(costs);
    }
    progress(`${effort.many} agents in one process`);
    return {
      clients,
      kinds: Object.keys(KINDS).map((kind) => figuresOf(kind, runs, effort)),
      many: await measureMany(effort, ports),
    };
  } finally {
    await server.stop();
  }
}

function figuresOf(kind: string, runs: Map<string, Cost>[], effort: Effort): ClientFigures {
  const { clients } = effort;
  const costs = runs.map((run) => costIn(run, kind));
  const ratioOf = (figure: (cost: Cost) => number) =>
    spreadOf(runs.map((run) => figure(costIn(run, kind)) / figure(costIn(run, BARE))));
  const handshakes = kind === OWN ? HANDSHAKES_PER_HOUR : 0;
  const middle = (figure: (cost: Cost) => number) => spreadOf(costs.map(figure)).median;
  const exchange = {
    up: middle(({ wire }) => wire.up / wire.exchanges),
    down: middle(({ wire }) => wire.down / wire.exchanges),
  };
  // The first heartbeats are sent while other clients still connect.
  const handshake = {
    up: middle(({ openWire }) => (openWire.up - openWire.exchanges * exchange.up) / clients),
    down: middle(({ openWire }) => (openWire.down - openWire.exchanges * exchange.down) / clients),
  };
  return {
    kind,
    memoryBytes: spreadOf(costs.map(({ memoryBytes }) => memoryBytes / clients)),
    cpu: ratioOf(({ cpuMs, wire }) => cpuMs / wire.exchanges),
    openCpu: ratioOf(({ openCpuMs }) => openCpuMs),
    cpuMsPerHour: spreadOf(
      costs.map(
        ({ cpuMs, openCpuMs, wire }) =>
          (cpuMs / wire.exchanges) * EXCHANGES_PER_HOUR + (openCpuMs / clients) * handshakes,
      ),
    ),
    exchange,
    handshake,
    bytesPerHour:
      (exchange.up + exchange.down) * EXCHANGES_PER_HOUR +
      (handshake.up + handshake.down) * handshakes,
  };
}

function costIn(run: Map<string, Cost>, kind: string): Cost {
  const cost = run.get(kind);
  if (!cost) throw new Error(`expected a measurement of ${kind}, got none`);
  return cost;
}

async function measureMany({ many, manyMs }: Effort, ports: Ports): Promise<ManyFigures> {
  const cost = await costOf({
    kind: OWN,
    clients: many,
    intervalMs: INTERVAL_MS,
    // One interval, so that the heartbeats are spread evenly.
    warmUpMs: Math.min(INTERVAL_MS, manyMs),
    measureMs: manyMs,
    ports,
  });
  return {
    agents: many,
    residentBytes: cost.residentBytes,
    openSeconds: cost.openMs / 1000,
    cpuShare: cost.cpuMs / manyMs,
    healthy: cost.healthy,
  };
}

async function costOf(task: Task): Promise<Cost> {
  const child = new Child(fileOf("process"), [JSON.stringify(task)]);
  try {
    return await child.next<Cost>();
  } finally {
    await child.stop();
  }
}

const fileOf = (name: string) => join(import.meta.dirname, `${name}.ts`);

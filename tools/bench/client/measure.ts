/** What a connected client costs: memory, CPU time and bytes, beside other clients; and ten thousand agents in one process. */

import { join } from "node:path";
import { Child } from "../child";
import { type MeasureOptions, type Spread, spreadOf } from "../section";
import { BARE, KINDS, OWN, type Ports } from "./clients";
import type { Cost, Task } from "./process";

/** The fastest interval that an agent takes, so that a run of seconds has heartbeats enough to count. */
const FAST_MS = 1000;

/** What the figures are told for. */
const INTERVAL_MS = 30_000;
const EXCHANGES_PER_HOUR = 3_600_000 / INTERVAL_MS;

/** An agent replaces its connection at 90 to 110 minutes. */
const HANDSHAKES_PER_HOUR = 60 / 100;

interface Effort {
  clients: number;
  runs: number;
  warmUpMs: number;
  measureMs: number;
  /** For the many agents in one process, at the usual interval. */
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
  /** Of one client, connected. */
  memoryBytes: Spread;
  /** CPU time of a heartbeat and its ack, as a ratio to the bare client's of the same run. */
  cpu: Spread;
  /** CPU time of the handshake, as a ratio likewise. */
  openCpu: Spread;
  /** On this machine. */
  cpuMsPerHour: Spread;
  /** Of a heartbeat, and of its ack, frame headers included. */
  exchange: { up: number; down: number };
  handshake: { up: number; down: number };
  bytesPerHour: number;
}

export interface ManyFigures {
  agents: number;
  residentBytes: number;
  openSeconds: number;
  /** Of one core, while all of them beat. */
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
  // The first heartbeats are sent while others still connect.
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
    // One interval, so that each has beaten at a moment of its own.
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

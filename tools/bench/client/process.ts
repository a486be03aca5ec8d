/** One benchmark process: opens its clients, lets them send heartbeats, and reports the cost. */

import { setTimeout as wait } from "node:timers/promises";
import { HeartbeatAgent } from "@agent-heartbeat/sdk";
import { KINDS, type Ports } from "./clients";
import type { Wire } from "./server";

export interface Task {
  kind: string;
  clients: number;
  intervalMs: number;
  /** Time before the measurement, for JIT warm-up. */
  warmUpMs: number;
  measureMs: number;
  ports: Ports;
}

/** Totals of all clients. */
export interface Cost {
  /** Heap and buffers, minus those of a process with one client. */
  memoryBytes: number;
  residentBytes: number;
  openMs: number;
  openCpuMs: number;
  openWire: Wire;
  /** While the clients send heartbeats. */
  cpuMs: number;
  wire: Wire;
  /** Clients that are healthy at the end. Clients without a health check all count. */
  healthy: number;
}

const task = JSON.parse(process.argv[2] ?? "{}") as Task;
const { kind, clients, intervalMs, warmUpMs, measureMs, ports } = task;
const open = KINDS[kind];
if (!open) throw new Error(`expected one of ${Object.keys(KINDS).join(", ")}, got ${kind}`);

const kept: unknown[] = [await open(0, ports, intervalMs)];
const before = { memory: memory(), wire: await wire(), at: performance.now(), cpu: cpuMs() };
while (kept.length <= clients) {
  // In small batches, so that the memory of handshakes does not count.
  const batch = Array.from({ length: Math.min(50, clients + 1 - kept.length) }, (_, index) =>
    open(kept.length + index, ports, intervalMs),
  );
  kept.push(...(await Promise.all(batch)));
}
const opened = { wire: await wire(), at: performance.now(), cpu: cpuMs() };
const memoryBytes = memory() - before.memory;
await wait(warmUpMs);
const start = { wire: await wire(), cpu: cpuMs() };
await wait(measureMs);
const end = { cpu: cpuMs(), wire: await wire() };

const cost: Cost = {
  memoryBytes,
  residentBytes: process.memoryUsage().rss,
  openMs: opened.at - before.at,
  openCpuMs: opened.cpu - before.cpu,
  openWire: difference(before.wire, opened.wire),
  cpuMs: end.cpu - start.cpu,
  wire: difference(start.wire, end.wire),
  healthy: kept.slice(1).filter(isHealthy).length,
};
process.send?.(cost, () => process.exit(0));

function isHealthy(client: unknown): boolean {
  return client instanceof HeartbeatAgent ? client.getConnectionHealth().healthy : true;
}

function memory(): number {
  global.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function wire(): Promise<Wire> {
  const response = await fetch(`http://127.0.0.1:${ports.gateway}/`);
  return (await response.json()) as Wire;
}

function difference(from: Wire, to: Wire): Wire {
  return {
    up: to.up - from.up,
    down: to.down - from.down,
    exchanges: to.exchanges - from.exchanges,
  };
}

/** One process of the benchmark: opens its clients and tells what they cost. */

import { setTimeout as wait } from "node:timers/promises";
import { KINDS, type Ports } from "./clients";

const [kind = "", clients, seconds, ports = "{}"] = process.argv.slice(2);
const count = Number(clients);
const open = KINDS[kind];
if (!open) throw new Error(`expected one of ${Object.keys(KINDS).join(", ")}, got ${kind}`);

const kept: unknown[] = [await open(0, JSON.parse(ports) as Ports)];
const before = memory();
while (kept.length <= count) {
  // A few at a time, so that the handshakes' own memory does not count.
  const batch = Array.from({ length: Math.min(50, count + 1 - kept.length) }, (_, index) =>
    open(kept.length + index, JSON.parse(ports) as Ports),
  );
  kept.push(...(await Promise.all(batch)));
}
const bytes = (memory() - before) / count;
const { user, system } = process.cpuUsage();
await wait(Number(seconds) * 1000);
const spent = process.cpuUsage();
process.send?.({ bytes, cpuMs: (spent.user - user + spent.system - system) / 1000 / count }, () =>
  process.exit(0),
);

function memory(): number {
  global.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

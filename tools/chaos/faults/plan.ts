/** Draws the faults of a run from a seed. */

import { seededRandom } from "../../../testing/random";

/** Functions whose calls fail, and whose environments are terminated. */
export const FUNCTIONS = [
  "Authorize",
  "Connect",
  "Heartbeat",
  "Http",
  "Disconnect",
  "Subscribe",
  "Sweep",
  "Transitions",
] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

export type Fault =
  | { kind: "kill processes"; process: number; lastsMs: number }
  | { kind: "stop processes"; process: number; lastsMs: number }
  | { kind: "return of older processes"; process: number; lastsMs: number }
  | { kind: "start duplicates"; process: number; lastsMs: number }
  | { kind: "disable agents"; agents: number[]; lastsMs: number }
  | { kind: "remove agents"; agents: number[]; lastsMs: number }
  | { kind: "replace keys"; agents: number[]; lastsMs: number }
  | { kind: "freeze links"; agents: number[]; lastsMs: number }
  | { kind: "reset links"; agents: number[] }
  | { kind: "slow links"; agents: number[]; delayMs: number; lastsMs: number }
  | { kind: "restart the gateway"; lastsMs: number }
  | { kind: "restart the database"; lastsMs: number }
  | {
      kind: "fail functions";
      function: FunctionName;
      share: number;
      when: "before" | "after";
      lastsMs: number;
    }
  | { kind: "end environments"; function: FunctionName }
  | { kind: "throttle the database"; share: number; lastsMs: number }
  | { kind: "fail the database"; share: number; lastsMs: number }
  | { kind: "slow reads"; delayMs: number; lastsMs: number }
  | { kind: "lose answers"; share: number; lastsMs: number }
  | { kind: "jump clocks"; process: number; jumpMs: number }
  | { kind: "overlap sweeps" }
  | { kind: "fill the disk"; lastsMs: number };

export type FaultKind = Fault["kind"];
export type PlannedFault = Fault & { atMs: number };

export interface PlanOptions {
  seed: number;
  /** The period in which faults begin. */
  durationMs: number;
  agents: number;
  processes: number;
  leaseMs: number;
}

/** The relative frequency of each fault. */
const WEIGHTS: Record<FaultKind, number> = {
  "kill processes": 3,
  "stop processes": 3,
  "return of older processes": 2,
  "start duplicates": 2,
  "disable agents": 3,
  "remove agents": 2,
  "replace keys": 2,
  "freeze links": 5,
  "reset links": 6,
  "slow links": 3,
  "restart the gateway": 1,
  "restart the database": 1,
  "fail functions": 8,
  "end environments": 4,
  "throttle the database": 3,
  "fail the database": 3,
  "slow reads": 3,
  "lose answers": 4,
  "jump clocks": 3,
  "overlap sweeps": 3,
  "fill the disk": 1,
};
export const FAULT_KINDS = Object.keys(WEIGHTS) as FaultKind[];

/** Time for the fleet to connect before the first fault. */
const FIRST_MS = 3000;
const LEAST_PAUSE_MS = 500;
const MOST_PAUSE_MS = 1800;

/** Resources that only one fault may affect at a time. */
const machineOf = (fault: Fault): string[] => {
  switch (fault.kind) {
    case "kill processes":
    case "stop processes":
    case "return of older processes":
    case "start duplicates":
      return [`process ${fault.process}`];
    case "disable agents":
    case "remove agents":
    case "replace keys":
      return fault.agents.map((agent) => `registration ${agent}`);
    case "restart the gateway":
    case "restart the database":
    case "fill the disk":
      return ["machine"];
    case "fail functions":
      return [`function ${fault.function}`];
    case "freeze links":
    case "slow links":
      return fault.agents.map((agent) => `link ${agent}`);
    case "throttle the database":
    case "fail the database":
    case "slow reads":
    case "lose answers":
      return [fault.kind];
    default:
      return [];
  }
};

/** Time to reconnect after an outage, before the next one. */
const RESPITE_MS: Partial<Record<FaultKind, number>> = {
  "restart the gateway": 20_000,
  "restart the database": 10_000,
  "fill the disk": 10_000,
};

/** First each kind once in random order, as soon as its resources are free; then kinds by weight until the time is over. */
export function drawPlan(options: PlanOptions): PlannedFault[] {
  const random = seededRandom(options.seed);
  const busyUntil = new Map<string, number>();
  const plan: PlannedFault[] = [];
  const missing = shuffled(FAULT_KINDS, random);
  let atMs = FIRST_MS;
  while (atMs < options.durationMs) {
    const kind = missing.shift() ?? weighted(random);
    const fault = draw(kind, options, random);
    const machines = machineOf(fault);
    if (machines.every((machine) => (busyUntil.get(machine) ?? 0) <= atMs)) {
      const endsAt = atMs + ("lastsMs" in fault ? fault.lastsMs : 0) + (RESPITE_MS[kind] ?? 1000);
      for (const machine of machines) busyUntil.set(machine, endsAt);
      plan.push({ ...fault, atMs: Math.round(atMs) });
    } else if (!plan.some((planned) => planned.kind === kind)) {
      missing.push(kind);
    }
    atMs += between(random, LEAST_PAUSE_MS, MOST_PAUSE_MS);
  }
  return plan;
}

function draw(kind: FaultKind, options: PlanOptions, random: () => number): Fault {
  const { leaseMs, processes } = options;
  const process = Math.floor(random() * processes);
  const some = () => agentsOf(options, random);
  const lastsMs = (min: number, max: number) => Math.round(between(random, min, max));
  switch (kind) {
    case "kill processes":
      return { kind, process, lastsMs: lastsMs(1000, 3 * leaseMs) };
    case "stop processes":
      return { kind, process, lastsMs: lastsMs(1000, 3 * leaseMs) };
    case "return of older processes":
    case "start duplicates":
      return { kind, process, lastsMs: lastsMs(leaseMs, 3 * leaseMs) };
    case "disable agents":
    case "remove agents":
    case "replace keys":
      return { kind, agents: some(), lastsMs: lastsMs(leaseMs, 4 * leaseMs) };
    case "freeze links":
      return { kind, agents: some(), lastsMs: lastsMs(1000, 3 * leaseMs) };
    case "reset links":
      return { kind, agents: some() };
    case "slow links":
      return { kind, agents: some(), delayMs: lastsMs(50, 800), lastsMs: lastsMs(2000, 8000) };
    case "restart the gateway":
      return { kind, lastsMs: lastsMs(0, 2000) };
    case "restart the database":
      return { kind, lastsMs: lastsMs(0, 1000) };
    case "fail functions":
      return {
        kind,
        function: pick(FUNCTIONS, random),
        share: between(random, 0.2, 1),
        when: random() < 0.5 ? "before" : "after",
        lastsMs: lastsMs(500, 4000),
      };
    case "end environments":
      return { kind, function: pick(FUNCTIONS, random) };
    case "throttle the database":
    case "fail the database":
    case "lose answers":
      return { kind, share: between(random, 0.2, 1), lastsMs: lastsMs(500, 4000) };
    case "slow reads":
      return { kind, delayMs: lastsMs(100, 1500), lastsMs: lastsMs(1000, 5000) };
    case "jump clocks": {
      const sign = random() < 0.5 ? -1 : 1;
      return { kind, process, jumpMs: Math.round(sign * between(random, 2000, 3_600_000)) };
    }
    case "overlap sweeps":
      return { kind };
    case "fill the disk":
      return { kind, lastsMs: lastsMs(500, 3000) };
  }
}

function agentsOf({ agents }: PlanOptions, random: () => number): number[] {
  const count = 1 + Math.floor(random() * Math.max(1, agents / 20));
  const chosen = new Set(Array.from({ length: count }, () => Math.floor(random() * agents)));
  return [...chosen].sort((one, other) => one - other);
}

const between = (random: () => number, min: number, max: number) => min + random() * (max - min);

function pick<T>(from: readonly T[], random: () => number): T {
  return from[Math.floor(random() * from.length)] as T;
}

function weighted(random: () => number): FaultKind {
  const total = FAULT_KINDS.reduce((sum, kind) => sum + WEIGHTS[kind], 0);
  let left = random() * total;
  for (const kind of FAULT_KINDS) {
    left -= WEIGHTS[kind];
    if (left < 0) return kind;
  }
  return "reset links";
}

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  return values
    .map((value) => ({ value, order: random() }))
    .sort((one, other) => one.order - other.order)
    .map(({ value }) => value);
}

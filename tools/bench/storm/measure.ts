/**
 * Simulates reconnect storms of every size: our policy against published ones, our policy with
 * wrong fleet counts, and the wait of a single agent.
 */

import type { MeasureOptions } from "../section";
import { type Loss, type OwnPolicy, ownPolicy } from "./own-policy";
import { PUBLISHED } from "./policies";
import { loneWait, type Storm, type StormResult, simulate, type Wait } from "./storm";

const SIZES = [1_000, 10_000, 100_000, 1_000_000];
const SEED = 1;

/**
 * Where agents are rejected often, at most this many clients are simulated, each representing
 * several agents. Elsewhere each agent is simulated: randomness matters more in a small fleet.
 */
const MAX_CLIENTS = 10_000;

/** Unanswered heartbeats are noticed over one interval. */
const SILENCE_SPREAD_MS = 30_000;

const OUTAGE_MS = 10 * 60_000;

export interface PolicyFigures extends StormResult {
  policy: string;
  source: string;
  agents: number;
}

/** The HeartbeatAgent under other conditions. */
export interface ConditionFigures extends StormResult {
  condition: string;
  agents: number;
}

/** Ways to draw the wait after a cut connection, with the cost of each. */
export interface ChoiceFigures {
  choice: string;
  agents: number;
  lone: Wait;
  refusedShare: number;
  peakRefusedPerSecond: number;
  ratio: number | null;
}

export interface LoneFigures {
  loss: Loss;
  agents: number;
  wait: Wait;
}

export interface StormFigures {
  policies: PolicyFigures[];
  conditions: ConditionFigures[];
  choices: ChoiceFigures[];
  lone: LoneFigures[];
}

const LOSSES: readonly Loss[] = ["closed by the gateway", "cut off", "silent"];

interface Condition {
  condition: string;
  policy(agents: number): OwnPolicy;
  storm?(agents: number): Partial<Storm>;
  refusedOften?: boolean;
}

const closed = "closed by the gateway" satisfies Loss;

const CONDITIONS: readonly Condition[] = [
  { condition: "closed by the gateway", policy: (counted) => ({ loss: closed, counted }) },
  { condition: "cut off", policy: (counted) => ({ loss: "cut off", counted }) },
  {
    condition: "silent",
    policy: (counted) => ({ loss: "silent", counted }),
    storm: () => ({ spreadMs: SILENCE_SPREAD_MS }),
  },
  {
    condition: "closed, a bucket of 25 tokens",
    policy: (counted) => ({ loss: closed, counted }),
    storm: () => ({ burst: 25 }),
  },
  {
    condition: "closed, fleet counted ten times too small",
    policy: (agents) => ({ loss: closed, counted: agents / 10 }),
    refusedOften: true,
  },
  {
    condition: "closed, fleet counted ten times too large",
    policy: (agents) => ({ loss: closed, counted: agents * 10 }),
  },
  {
    condition: "closed, no reconnect window",
    policy: () => ({ loss: closed, counted: 0 }),
    refusedOften: true,
  },
  {
    condition: "a tenth of the fleet closed",
    policy: (counted) => ({ loss: closed, counted }),
    storm: (agents) => ({ agents: agents / 10 }),
  },
  {
    condition: "a tenth of the fleet cut off",
    policy: (counted) => ({ loss: "cut off", counted }),
    storm: (agents) => ({ agents: agents / 10 }),
  },
  {
    condition: "cut off, nothing reachable for 10 min",
    policy: (counted) => ({ loss: "cut off", counted }),
    storm: () => ({ outageMs: OUTAGE_MS }),
  },
];

const CHOICES: readonly [string, ((advisedMs: number) => number) | undefined][] = [
  ["within 1 s", () => 0],
  ["at most 15 s of the window", (advisedMs) => Math.min(advisedMs, 15_000)],
  ["at most 30 s of the window (chosen)", undefined],
  ["at most 60 s of the window", (advisedMs) => Math.min(advisedMs, 60_000)],
  ["the whole window", (advisedMs) => advisedMs],
];

/** Deterministic: returns the same figures in every run. */
export async function measureStorms({ quick, progress }: MeasureOptions): Promise<StormFigures> {
  const sizes = quick ? SIZES.slice(0, 2) : SIZES;
  const figures: StormFigures = { policies: [], conditions: [], choices: [], lone: [] };
  for (const agents of sizes) {
    const scale = Math.max(1, agents / MAX_CLIENTS);
    progress(`${agents} agents: every policy`);
    const own = ownPolicy({ loss: closed, counted: agents });
    figures.policies.push({
      ...labelOf(own),
      agents,
      ...simulate(own, { agents, seed: SEED }),
    });
    for (const policy of PUBLISHED) {
      const result = simulate(policy, { agents, scale, seed: SEED });
      figures.policies.push({ ...labelOf(policy), agents, ...result });
    }
    progress(`${agents} agents: conditions`);
    for (const { condition, policy, storm, refusedOften } of CONDITIONS) {
      const given = { agents, seed: SEED, ...storm?.(agents), ...(refusedOften && { scale }) };
      const result = simulate(ownPolicy(policy(agents)), given);
      figures.conditions.push({ condition, ...result, agents });
    }
    progress(`${agents} agents: choices`);
    for (const [choice, lossWindowMs] of CHOICES) {
      const policy = ownPolicy({
        loss: "cut off",
        counted: agents,
        ...(lossWindowMs && { lossWindowMs }),
      });
      const result = simulate(policy, { agents, seed: SEED });
      const { refusedShare, peakRefusedPerSecond, ratio } = result;
      const lone = loneWait(policy, SEED);
      figures.choices.push({ choice, agents, lone, refusedShare, peakRefusedPerSecond, ratio });
    }
    for (const loss of LOSSES) {
      const wait = loneWait(ownPolicy({ loss, counted: agents }), SEED);
      figures.lone.push({ loss, agents, wait });
    }
  }
  return figures;
}

const labelOf = ({ name, source }: { name: string; source: string }) => ({ policy: name, source });

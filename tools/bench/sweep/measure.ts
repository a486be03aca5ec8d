/**
 * Sweeps and lists tables of growing size: time and units should grow linearly, memory should not.
 */

import { join } from "node:path";
import { type Engine, startEngine } from "../../../testing/engine";
import { Child } from "../child";
import type { MeasureOptions } from "../section";
import { loadFleet, SWEEPS } from "./fleet";
import type { Effort, Task } from "./process";

const SIZES = [10_000, 100_000, 1_000_000];

/** With profiles, in pages that always fit into a message; and without. */
const LISTS = [
  { profiles: false, limit: 100 },
  { profiles: true, limit: 25 },
] as const;

export interface SweepEffort {
  agents: number;
  expired: string;
  effort: Effort;
}

export interface ListEffort {
  agents: number;
  profiles: boolean;
  effort: Effort;
}

export interface ScaleFigures {
  sweeps: SweepEffort[];
  lists: ListEffort[];
}

export async function measureScale({ quick, progress }: MeasureOptions): Promise<ScaleFigures> {
  const figures: ScaleFigures = { sweeps: [], lists: [] };
  // Units of the smallest size are exact and compared with the report.
  for (const agents of quick ? SIZES.slice(0, 1) : SIZES) {
    // Without a stream: the sweep does not read it, and the engine would keep all of its records.
    const engine = await startEngine({ stream: false });
    try {
      await loadFleet(engine.client, engine.statusTableName, agents);
      progress(`${agents.toLocaleString("en-US")} agents are loaded`);
      for (const { profiles, limit } of LISTS) {
        const effort = await measure(engine, { do: "list", now: SWEEPS[0].at, limit });
        figures.lists.push({ agents, profiles, effort });
        progress(
          `listed ${profiles ? "with" : "without"} profiles: ${effort.wallMs.toFixed(0)} ms`,
        );
      }
      for (const { expired, at } of SWEEPS) {
        const effort = await measure(engine, { do: "sweep", now: at });
        figures.sweeps.push({ agents, expired, effort });
        progress(`swept, ${expired} expired: ${effort.wallMs.toFixed(0)} ms`);
      }
    } finally {
      await engine.stop();
    }
  }
  return figures;
}

/** Runs in a separate process. @throws Error if that fails */
async function measure(engine: Engine, task: Omit<Task, "engine">): Promise<Effort> {
  const { client: _, stop: __, ...place } = engine;
  const child = new Child(join(import.meta.dirname, "process.ts"));
  try {
    return await child.ask<Effort>({ ...task, engine: place });
  } finally {
    await child.stop();
  }
}

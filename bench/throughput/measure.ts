/** Heartbeats a second of the local runtime, beside the ceiling that this machine and engine set. */

import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { synthesize } from "../../local/synthesize";
import { type MeasureOptions, type Spread, spreadOf } from "../section";
import type { SentKey } from "./agents";
import { Child } from "./child";
import type { LoadOrder, LoadResult } from "./load";

const ROOT = join(import.meta.dirname, "../..");

/** A runtime that has 50 events under way in a function at once is kept busy by these. */
export const OUTSTANDING = 64;

export interface ThroughputFigures {
  connections: number;
  heartbeats: number;
  outstanding: number;
  local: Summary;
  ceiling: Summary;
  /** Heartbeats a second, local to ceiling, of runs one after the other. */
  ratio: Spread;
}

export interface Summary {
  perSecond: Spread;
  p50Ms: Spread;
  p99Ms: Spread;
}

export async function measureThroughput({
  quick,
  progress,
}: MeasureOptions): Promise<ThroughputFigures[]> {
  const directory = mkdtempSync(join(ROOT, ".local-bench-"));
  try {
    const assembly = await synthesize({
      directory: ROOT,
      outputDirectory: join(directory, "cdk.out"),
    });
    const sizes = quick ? [100] : [1000, 5000];
    const figures: ThroughputFigures[] = [];
    for (const connections of sizes) {
      const heartbeats = quick ? 500 : 10_000;
      const [local, ceiling]: [LoadResult[], LoadResult[]] = [[], []];
      for (let round = 1; round <= (quick ? 1 : 3); round++) {
        progress(`${connections} connections, round ${round}`);
        const order = { connections, heartbeats, outstanding: OUTSTANDING };
        local.push(
          await run(new Child(fileOf("local-server"), [assembly, String(connections)]), order),
        );
        ceiling.push(await run(new Child(fileOf("bare-server")), order));
      }
      const ratio = spreadOf(
        local.map(({ perSecond }, i) => perSecond / (ceiling[i]?.perSecond ?? 0)),
      );
      const summaries = { local: summaryOf(local), ceiling: summaryOf(ceiling) };
      figures.push({ connections, heartbeats, outstanding: OUTSTANDING, ...summaries, ratio });
    }
    return figures;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export async function run(
  server: Child,
  order: Omit<LoadOrder, "url" | "key">,
): Promise<LoadResult> {
  const place = await server.next<{ url: string; key?: SentKey }>();
  const load = new Child(fileOf("load"));
  try {
    return await load.ask<LoadResult>({ ...order, ...place } satisfies LoadOrder);
  } finally {
    await load.stop();
    await server.stop();
  }
}

export const fileOf = (name: string) => join(import.meta.dirname, `${name}.ts`);

export function summaryOf(results: readonly LoadResult[]): Summary {
  return {
    perSecond: spreadOf(results.map(({ perSecond }) => perSecond)),
    p50Ms: spreadOf(results.map(({ p50Ms }) => p50Ms)),
    p99Ms: spreadOf(results.map(({ p99Ms }) => p99Ms)),
  };
}

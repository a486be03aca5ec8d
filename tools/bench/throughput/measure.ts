/**
 * Measures the local runtime's heartbeats per second against the upper bound of this machine and
 * engine.
 */

import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { boundedClient } from "../../../core/aws-client";
import type { Deployed } from "../../trial-deployment/serve";
import { ROOT, withAssembly } from "../assembly";
import { Child } from "../child";
import { type MeasureOptions, type Spread, spreadOf } from "../section";
import { registered, type SentKey } from "./agents";
import type { LoadOrder, LoadResult } from "./load";

const LOCALHOST_NAMES = join(ROOT, "tools/trial-deployment/localhost-names.cjs");

/** Enough to keep a runtime busy that runs 50 events per function at once. */
export const OUTSTANDING = 64;

export interface ThroughputFigures {
  sizes: SizeFigures[];
  miniStack: MiniStackFigures;
}

export interface SizeFigures {
  connections: number;
  heartbeats: number;
  outstanding: number;
  local: Summary;
  ceiling: Summary;
  /** Heartbeats per second, local runtime relative to the upper bound, in consecutive runs. */
  ratio: Spread;
}

export interface Summary {
  perSecond: Spread;
  p50Ms: Spread;
  p99Ms: Spread;
}

/**
 * The emulator starts a process for every concurrent function: more heartbeats would only slow it
 * down.
 */
const MINISTACK = { connections: 16, heartbeats: 400, outstanding: 8 };

export interface MiniStackFigures extends LoadResult {
  /** As in `ministack 1.5.33`. */
  name: string;
  connections: number;
  outstanding: number;
}

export async function measureThroughput(options: MeasureOptions): Promise<ThroughputFigures> {
  return { sizes: await measureSizes(options), miniStack: await measureMiniStack(options) };
}

async function measureMiniStack({ quick, progress }: MeasureOptions): Promise<MiniStackFigures> {
  progress("the same stack on MiniStack");
  const order = quick ? { connections: 2, heartbeats: 10, outstanding: 1 } : MINISTACK;
  const emulator = new Child(join(ROOT, "tools/trial-deployment/serve.ts"));
  try {
    const { name, url, registryTableName, ...config } = await emulator.next<Deployed>();
    const client = boundedClient(DynamoDBClient, config);
    const key = await registered(client, registryTableName, order.connections);
    client.destroy();
    const result = await load({ ...order, url, key });
    return { ...order, ...result, name };
  } finally {
    await emulator.stop();
  }
}

async function measureSizes({ quick, progress }: MeasureOptions): Promise<SizeFigures[]> {
  const sizes = quick ? [100] : [1000, 5000];
  return withAssembly(undefined, async (assembly) => {
    const figures: SizeFigures[] = [];
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
  });
}

export async function run(
  server: Child,
  order: Omit<LoadOrder, "url" | "key">,
): Promise<LoadResult> {
  try {
    return await load({ ...order, ...(await server.next<{ url: string; key?: SentKey }>()) });
  } finally {
    await server.stop();
  }
}

async function load(order: LoadOrder): Promise<LoadResult> {
  // A stack on an emulator has its own host name below localhost.
  const program = new Child(fileOf("load"), [], { NODE_OPTIONS: `--require=${LOCALHOST_NAMES}` });
  try {
    return await program.ask<LoadResult>(order);
  } finally {
    await program.stop();
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

/** Tries all of them, each on a real engine of its own. */

import { type Engine, startEngine } from "../../../testing/engine";
import type { MeasureOptions } from "../section";
import type { Attempt } from "./attempt";
import {
  floodFromManyContainers,
  largestPage,
  rareFilter,
  subscriptionsOfManyConnections,
} from "./messages";
import { flapping, manyLogins } from "./reconnects";
import { failingRow, massSilence } from "./sweeps";

type Try = (engine: Engine) => Promise<Attempt>;

export async function attempts({ progress }: MeasureOptions): Promise<Attempt[]> {
  const results: Attempt[] = [];
  for (const attempt of [
    floodFromManyContainers,
    rareFilter,
    largestPage,
    flapping,
    massSilence,
    subscriptionsOfManyConnections,
    failingRow,
    manyLogins,
  ] satisfies Try[]) {
    const engine = await startEngine({ stream: false });
    try {
      const result = await attempt(engine);
      progress(`${result.attempt}: ${result.found}`);
      results.push(result);
    } finally {
      await engine.stop();
    }
  }
  return results;
}

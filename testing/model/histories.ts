/** Histories made by chance, and what becomes of the promises in them. */

import fc from "fast-check";
import type { Mutation } from "./in-memory-table";
import { promises } from "./promises/index";
import { HistoryPlayer } from "./world/history-player";

/** How many a test plays. CI plays 100,000 with `npm run test:model`. */
export const RUNS = Number(process.env.MODEL_RUNS ?? 60);

/** Tests play the same each time; the command draws a seed of its own, and prints it. */
export const HISTORY_SEED = Number(process.env.MODEL_SEED ?? 1);

export const historyArbitrary = fc.array(fc.nat({ max: 2 ** 20 - 1 }), {
  minLength: 1,
  maxLength: 90,
  size: "max",
});

/** @throws BrokenPromise at the first promise that is broken */
export const play = (history: readonly number[], mutation: Mutation = {}) =>
  new HistoryPlayer(mutation, promises).play(history);

/** @throws Error with the seed and the shortest history in which a promise is broken */
export async function playAll({ runs, seed }: { runs: number; seed: number }): Promise<void> {
  Error.stackTraceLimit = 0;
  const property = fc.asyncProperty(historyArbitrary, (history) => play(history));
  await fc.assert(property, { numRuns: runs, seed });
}

/** Looks for histories that tell broken writes from the original. */

import fc from "fast-check";
import { BrokenPromise } from "./broken";
import { historyArbitrary, play } from "./histories";
import { differing, mutationOf } from "./mutants";

/** Histories made from one seed. */
export const RUNS_OF_SEED = 500;
/** Most of them that are played for a mutant: only those in which it makes a difference. */
const PLAYED = 40;

export interface Detection {
  /** Mutants by the promise that they broke. */
  found: Map<string, string>;
  /** In how many histories each mutant has changed a row, or whether it was written. */
  differed: Map<string, number>;
}

/**
 * Plays histories unbroken, to learn in which of them a mutant makes a difference at all, and then those with the mutant.
 *
 * @param detection what earlier seeds have found; added to
 * @throws Error if a history is judged as broken without a mutant
 */
export async function detect(
  seed: number,
  { found, differed }: Detection,
  wanted: (name: string) => boolean = () => true,
  runs = RUNS_OF_SEED,
): Promise<void> {
  const histories = fc.sample(historyArbitrary, { numRuns: runs, seed });
  const telling = new Map<string, number[][]>();
  for (const history of histories) {
    const isWanted = (name: string) => {
      const known = telling.get(name);
      const enough = found.has(name) || known?.at(-1) === history || known?.length === PLAYED;
      return wanted(name) && !enough;
    };
    const add = (name: string) => telling.set(name, [...(telling.get(name) ?? []), history]);
    await play(history, { observe: (write) => differing(write, isWanted, add) });
  }
  for (const [name, histories] of telling) {
    differed.set(name, (differed.get(name) ?? 0) + histories.length);
    for (const history of histories) {
      const promise = await brokenBy(name, history);
      if (promise === undefined) continue;
      found.set(name, promise);
      break;
    }
  }
}

async function brokenBy(name: string, history: number[]): Promise<string | undefined> {
  try {
    await play(history, mutationOf(name));
    return undefined;
  } catch (error) {
    if (!(error instanceof BrokenPromise)) throw error;
    return error.message.split(": found")[0];
  }
}

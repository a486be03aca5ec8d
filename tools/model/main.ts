/**
 * `npm run test:model`: plays `MODEL_RUNS` histories by `MODEL_SEED`, or by a seed of its own, which it prints. The same
 * seed plays the same histories on every machine, whatever its number of cores.
 */

import { fileURLToPath } from "node:url";
import { playAll } from "../../testing/model/histories";
import { inProcesses, ownPart } from "./processes";

const runs = Number(process.env.MODEL_RUNS ?? 100_000);
const seed = Number(process.env.MODEL_SEED ?? Math.floor(Math.random() * 2 ** 31));
/** How many histories a seed makes: the next ones are of the next seed. */
const RUNS_OF_SEED = 1000;
const part = ownPart();
const startedAt = performance.now();

async function playPart({ index, of }: { index: number; of: number }): Promise<void> {
  for (let nth = index; nth * RUNS_OF_SEED < runs; nth += of) {
    const left = runs - nth * RUNS_OF_SEED;
    await playAll({ runs: Math.min(RUNS_OF_SEED, left), seed: seed + nth });
  }
}

if (part) {
  playPart(part).catch((error: Error) => {
    console.error(error.message, "\n", error.cause ?? "");
    process.exitCode = 1;
  });
} else {
  console.log(`${runs} histories, MODEL_SEED=${seed}`);
  process.env.MODEL_SEED = String(seed);
  inProcesses(fileURLToPath(import.meta.url)).then(
    () =>
      console.log(`every promise kept, in ${Math.round((performance.now() - startedAt) / 1000)} s`),
    (error: Error) => {
      console.error(error.message);
      process.exitCode = 1;
    },
  );
}

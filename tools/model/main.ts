/** `npm run test:model`: plays as many histories as it is told to, by seeds of its own, which it prints. */

import { fileURLToPath } from "node:url";
import { playAll } from "../../testing/model/histories";
import { inProcesses, ownPart } from "./processes";

const runs = Number(process.env.MODEL_RUNS ?? 100_000);
const seed = Number(process.env.MODEL_SEED ?? Math.floor(Math.random() * 2 ** 31));
const part = ownPart();
const startedAt = performance.now();

if (part) {
  const own = { runs: Math.ceil(runs / part.of), seed: seed + part.index };
  console.log(`${own.runs} histories, MODEL_SEED=${own.seed}`);
  playAll(own).catch((error: Error) => {
    console.error(error.message, "\n", error.cause ?? "");
    process.exitCode = 1;
  });
} else {
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

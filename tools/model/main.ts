/** `npm run test:model`: plays as many histories as it is told to, by a seed of its own, which it prints. */

import { playAll } from "../../testing/model/histories";

const runs = Number(process.env.MODEL_RUNS ?? 100_000);
const seed = Number(process.env.MODEL_SEED ?? Math.floor(Math.random() * 2 ** 31));
const startedAt = performance.now();

console.log(`${runs} histories, MODEL_SEED=${seed}`);
playAll({ runs, seed }).then(
  () =>
    console.log(`every promise kept, in ${Math.round((performance.now() - startedAt) / 1000)} s`),
  (error: Error) => {
    console.error(error.message, "\n", error.cause ?? "");
    process.exitCode = 1;
  },
);

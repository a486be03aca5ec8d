/** `npm run test:mutants`: breaks each clause and each assignment, and prints those that no history finds. */

import { mutants, survivors } from "../../testing/model/mutants";

const all = mutants();
survivors(all).then((surviving) => {
  console.log(`${all.length - surviving.length} of ${all.length} breaks found`);
  for (const name of surviving) console.log(`not found: ${name}`);
  process.exitCode = surviving.length > 0 ? 1 : 0;
});

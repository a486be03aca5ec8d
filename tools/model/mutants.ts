/** `npm run test:mutants`: breaks each clause and assignment of the writes, and prints the mutants that no history detects. */

import { fileURLToPath } from "node:url";
import { mutants, survivors } from "../../testing/model/mutants";
import { inProcesses, ownPart } from "./processes";

const all = mutants();
const part = ownPart();

if (part) {
  const own = all.filter((_, index) => index % part.of === part.index);
  survivors(own).then((surviving) => process.send?.(surviving, () => process.disconnect?.()));
} else {
  inProcesses<string[]>(fileURLToPath(import.meta.url)).then((reports) => {
    const surviving = reports.flat();
    console.log(`${all.length - surviving.length} of ${all.length} breaks found`);
    for (const name of surviving) console.log(`not found: ${name}`);
    process.exitCode = surviving.length > 0 ? 1 : 0;
  });
}

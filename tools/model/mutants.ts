/**
 * `npm run test:mutants`: breaks each clause and assignment of the writes of a lease, plays histories until each is
 * detected, or `MUTANT_RUNS` are played, and fails if one is not. It finds the same on any number of cores.
 */

import { fileURLToPath } from "node:url";
import { type Detection, detect, RUNS_OF_SEED } from "../../testing/model/detection";
import { mutants } from "../../testing/model/mutants";
import { inProcesses, ownPart } from "./processes";

const runs = Number(process.env.MUTANT_RUNS ?? 40_000);
const part = ownPart();

/** What a process has found with a seed. */
interface Report {
  found: [string, string][];
  differed: [string, number][];
}

async function playPart({ index, of }: { index: number; of: number }): Promise<void> {
  Error.stackTraceLimit = 0;
  const found = new Map<string, string>();
  process.on("message", (report: Report) => {
    for (const [name, promise] of report.found) found.set(name, promise);
  });
  for (let seed = index; seed * RUNS_OF_SEED < runs; seed += of) {
    const before = new Set(found.keys());
    const detection: Detection = { found, differed: new Map() };
    await detect(seed, detection);
    const report: Report = {
      found: [...found].filter(([name]) => !before.has(name)),
      differed: [...detection.differed],
    };
    await new Promise((sent) => process.send?.(report, sent));
    // Seeds after the first few are for what is still missing.
    if (mutants().every((name) => found.has(name)) && seed >= of * 2) break;
  }
  process.disconnect?.();
}

function print(reports: Report[]): void {
  const found = new Map(reports.flatMap((report) => report.found));
  const differed = new Map<string, number>();
  for (const [name, times] of reports.flatMap((report) => report.differed)) {
    differed.set(name, (differed.get(name) ?? 0) + times);
  }
  const all = [...new Set([...mutants(), ...differed.keys()])];
  const missing = all.filter((name) => !found.has(name));
  for (const name of missing) {
    console.log(`not found: ${name} (made a difference in ${differed.get(name) ?? 0} histories)`);
  }
  console.log(`${found.size} found, ${missing.length} not found`);
  process.exitCode = missing.length > 0 ? 1 : 0;
}

if (part) {
  playPart(part).catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
    process.disconnect?.();
  });
} else {
  inProcesses<Report>(fileURLToPath(import.meta.url)).then(print, (error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}

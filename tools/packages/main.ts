/**
 * `npm run test:packages`: packs every package, and uses the packages as a stranger would, each time in an empty folder into
 * which they are installed. `npm run test:packages -- planner` runs one part.
 */

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PUBLISHED, pack } from "../../testing/packages";
import { interruptions } from "../interruptions";
import { cdkApp } from "./cdk-app";
import { planner } from "./planner";
import { installed, type Part, type Project } from "./project";
import { quickStart } from "./quick-start";
import { unitTests } from "./unit-tests";

const ROOT = join(__dirname, "..", "..");
const run = promisify(execFile);

const PARTS: Readonly<Record<string, Part>> = {
  "quick-start": quickStart,
  planner,
  "unit-tests": unitTests,
  "cdk-app": cdkApp,
};

async function main(): Promise<boolean> {
  const signal = interruptions();
  const only = process.argv.slice(2);
  const unknown = only.find((name) => !(name in PARTS));
  if (unknown) throw new Error(`expected ${Object.keys(PARTS).join(", ")}, got ${unknown}`);
  const root = mkdtempSync(join(tmpdir(), "agent-heartbeat-packages-"));
  let [passed, failed] = [0, 0];
  try {
    const tarballs = new Map<string, string>();
    for (const folder of PUBLISHED) {
      const tarball = await pack(folder, root);
      tarballs.set(folder, tarball);
      await run(join(ROOT, "node_modules", ".bin", "publint"), ["--strict", tarball]);
    }
    for (const [name, part] of Object.entries(PARTS)) {
      if (only.length > 0 && !only.includes(name)) continue;
      signal.throwIfAborted();
      console.log(`\n== ${name}`);
      const directory = join(root, name);
      mkdirSync(directory);
      const project: Project = { directory, tarballs, signal };
      try {
        await installed(project, part.packages, part.others ?? []);
        await part.run(project);
        console.log(`passed: ${name}`);
        passed++;
      } catch (error) {
        console.error(`FAILED: ${name}: ${(error as Error).message}`);
        failed++;
      }
    }
  } finally {
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  }
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0;
}

main().then(
  (passed) => process.exit(passed ? 0 : 1),
  (error: Error) => {
    console.error(`${error.message}\n0 passed, 1 failed`);
    process.exit(1);
  },
);

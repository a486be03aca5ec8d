/**
 * `npm run test:platforms`: packs the client, and uses it in the ways in which people start, test and bundle programs: each in
 * an empty folder, against a service in this process. `npm run test:platforms -- jest` tries one of them.
 */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFakeService } from "@agent-heartbeat/sdk/testing";
import { pack } from "../../testing/packages";
import { interruptions } from "../interruptions";
import { installed, type Project } from "../packages/project";
import { esbuild, next, vite, webpack } from "./bundlers";
import { bun, deno, node, workers } from "./engines";
import { MissingPlatform, type Platform, type Trial } from "./platform";
import { jest, vitest } from "./test-runners";
import { types } from "./types";

const PLATFORMS: readonly Platform[] = [
  node,
  workers,
  types,
  jest,
  vitest,
  esbuild,
  webpack,
  vite,
  next,
  bun,
  deno,
];

/** What is not tried, and why. */
const NOT_TRIED = ["React Native: it needs a device or an emulator"];

async function main(): Promise<boolean> {
  const signal = interruptions();
  const only = process.argv.slice(2);
  const names = PLATFORMS.map(({ name }) => name);
  const unknown = only.find((name) => !names.includes(name));
  if (unknown) throw new Error(`expected ${names.join(", ")}, got ${unknown}`);
  const root = mkdtempSync(join(tmpdir(), "agent-heartbeat-platforms-"));
  const service = await startFakeService();
  let [passed, failed] = [0, 0];
  try {
    const tarballs = new Map([["sdk", await pack("sdk", root)]]);
    for (const platform of PLATFORMS) {
      const { name, packages } = platform;
      if (only.length > 0 && !only.includes(name)) continue;
      signal.throwIfAborted();
      const directory = join(root, name);
      mkdirSync(directory);
      const project: Project = { directory, tarballs, signal };
      try {
        await installed(project, ["sdk"], packages);
      } catch (error) {
        signal.throwIfAborted();
        const [first] = String((error as { stderr?: string }).stderr || error).split("\n");
        console.log(`skipped: ${name}: ${packages.join(", ")} can't be installed: ${first}`);
        continue;
      }
      const { url, privateKey } = service.options(name);
      const trial: Trial = { project, url, privateKey };
      try {
        const tried = await platform.run(trial);
        console.log(`passed: ${name}: ${tried.join(", ")}`);
        passed++;
      } catch (error) {
        if (error instanceof MissingPlatform) {
          console.log(`skipped: ${name}: ${error.message}`);
          continue;
        }
        console.error(`FAILED: ${name}: ${described(error)}`);
        failed++;
      }
    }
  } finally {
    await service.close();
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  }
  if (only.length === 0) for (const text of NOT_TRIED) console.log(`not tried: ${text}`);
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0;
}

/** With what a command has printed. */
function described(error: unknown): string {
  const { message, stdout = "", stderr = "" } = error as Error & Partial<Record<string, string>>;
  return [message, stdout, stderr].filter(Boolean).join("\n");
}

main().then(
  (passed) => process.exit(passed ? 0 : 1),
  (error: Error) => {
    console.error(`${error.message}\n0 passed, 1 failed`);
    process.exit(1);
  },
);

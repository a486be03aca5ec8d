/** Runs the tests of docs/testing.md with Jest and Vitest against the packed SDK; those for pytest run with the Python client's. */

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { InstalledPackage } from "../../testing/empty-project";
import { packedSdk } from "../../testing/packed-sdk";

const run = promisify(execFile);
const ROOT = join(__dirname, "../..");
const modules = join(ROOT, "node_modules");
const PAGE = readFileSync(join(ROOT, "docs/testing.md"), "utf8");

const blocks = [...PAGE.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code = ""]) => code);
const forVitest = blocks.filter((code) => code.includes('from "vitest"'));
const forJest = blocks.filter((code) => code.includes('from "@jest/globals"'));
const testsIn = (codes: string[]) => codes.join("").match(/^test\(/gm)?.length;

let sdk: InstalledPackage;

beforeAll(async () => {
  sdk = await packedSdk();
});

afterAll(async () => {
  await rm(join(sdk.project, ".."), { recursive: true });
});

/** The results as JSON, of tests written into the project. */
async function resultsOf(runner: string, codes: string[], args: string[]) {
  for (const [index, code] of codes.entries()) {
    await writeFile(join(sdk.project, `page-${index}.${runner}.ts`), code);
  }
  const command = join(modules, runner, runner === "jest" ? "bin/jest.js" : "vitest.mjs");
  const { stdout } = await run(process.execPath, [command, ...args], {
    cwd: sdk.project,
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  return JSON.parse(stdout);
}

describe("the tests of docs/testing.md", () => {
  it("pass with Jest", async () => {
    expect(testsIn(forJest)).toBeGreaterThan(3);
    const transform = {
      "\\.ts$": [join(modules, "@swc/jest"), { jsc: { parser: { syntax: "typescript" } } }],
    };
    const cacheDirectory = join(sdk.project, "cache");
    const config = { rootDir: sdk.project, cacheDirectory, testMatch: ["**/*.jest.ts"], transform };
    await symlink(join(modules, "@jest"), join(sdk.project, "node_modules", "@jest"));
    const flags = ["--json", "--silent", "--config", JSON.stringify(config)];
    const results = await resultsOf("jest", forJest, flags);
    expect(results).toMatchObject({ success: true, numPassedTests: testsIn(forJest) });
  });

  it("pass with Vitest", async () => {
    expect(testsIn(forVitest)).toBeGreaterThan(1);
    await symlink(join(modules, "vitest"), join(sdk.project, "node_modules", "vitest"));
    const flags = ["run", "--reporter=json", "--dir", ".", "--config", "vitest.config.mjs"];
    const config = 'export default { test: { include: ["**/*.vitest.ts"] } };';
    await writeFile(join(sdk.project, "vitest.config.mjs"), config);
    const results = await resultsOf("vitest", forVitest, flags);
    expect(results).toMatchObject({ success: true, numPassedTests: testsIn(forVitest) });
  });
});

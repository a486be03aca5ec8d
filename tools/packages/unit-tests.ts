/** The unit tests of the page on testing, in Jest and Vitest; those for pytest run with the Python client's. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json";
import { output, type Part, type Project, save } from "./project";

const PAGE = join(__dirname, "..", "..", "docs", "testing.md");

const JEST = {
  testMatch: ["**/*.jest.ts"],
  transform: { "\\.ts$": ["@swc/jest", { jsc: { parser: { syntax: "typescript" } } }] },
};

export const unitTests: Part = {
  packages: ["sdk"],
  others: (["jest", "@jest/globals", "@swc/core", "@swc/jest", "vitest"] as const).map(
    (name) => `${name}@${manifest.devDependencies[name]}`,
  ),
  async run(project) {
    const blocks = [...readFileSync(PAGE, "utf8").matchAll(/^```ts\n([\s\S]*?)^```/gm)];
    const codes = blocks.map(([, code = ""]) => code);
    save(project, "jest.config.json", JSON.stringify(JEST));
    await pass(project, codes, "@jest/globals", "jest", "--ci", "--json", "--silent");
    save(project, "vitest.config.mjs", 'export default { test: { include: ["*.vitest.ts"] } };');
    await pass(project, codes, "vitest", "vitest", "run", "--reporter=json");
  },
};

/** @throws Error if a test of the page fails, or is not run */
async function pass(
  project: Project,
  codes: readonly string[],
  module: string,
  runner: string,
  ...flags: string[]
): Promise<void> {
  const own = codes.filter((code) => code.includes(`from "${module}"`));
  for (const [index, code] of own.entries()) save(project, `page-${index}.${runner}.ts`, code);
  const expected = own.join("").match(/^test\(/gm)?.length;
  if (expected === undefined) throw new Error(`expected tests for ${runner} in ${PAGE}, got none`);
  const printed = await output(project, join("node_modules", ".bin", runner), ...flags);
  const { success, numPassedTests } = JSON.parse(printed);
  if (!success || numPassedTests !== expected) {
    throw new Error(`expected ${expected} tests that pass with ${runner}, got ${printed}`);
  }
  console.log(`${runner}: ${numPassedTests} tests pass`);
}

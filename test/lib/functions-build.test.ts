import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { App, Stack } from "aws-cdk-lib";
import { Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { functionNames } from "../../lambda/build";

const buildSync = jest.fn(jest.requireActual<typeof import("esbuild")>("esbuild").buildSync);
jest.mock("esbuild", () => ({
  ...jest.requireActual<object>("esbuild"),
  buildSync: (...args: Parameters<typeof buildSync>) => buildSync(...args),
}));

const ROOT = join(__dirname, "..", "..");
/** A text that is added to a source, and appears in the bundle. */
const MARK = "a-word-that-no-source-has";

/** Those of the functions that are built here: all would take long. */
const FUNCTIONS = ["heartbeat", "list", "sweep"];

/** A copy of the functions' sources that tests may edit. */
let directory: string;
beforeEach(() => {
  // Inside the repository, so that they can import its packages.
  directory = mkdtempSync(join(ROOT, ".e2e-"));
  cpSync(join(ROOT, "core"), join(directory, "core"), { recursive: true });
  cpSync(join(ROOT, "lambda"), join(directory, "lambda"), { recursive: true });
  cpSync(join(ROOT, "lib", "assets"), join(directory, "lib", "assets"), { recursive: true });
  for (const name of functionNames().filter((name) => !FUNCTIONS.includes(name))) {
    unlinkSync(join(directory, "lambda", name, "entry.ts"));
  }
  buildSync.mockClear();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Synthesizes functions in stacks of one app, and returns the directories of their code. */
function synthesized(name: string, stacks: Record<string, string[]>): string[] {
  const { functionCode } = require(
    join(directory, "lib", "assets", "from-sources.ts"),
  ) as typeof import("../../lib/assets/from-sources");
  const outdir = join(directory, name);
  const app = new App({ outdir, analyticsReporting: false });
  for (const [id, entries] of Object.entries(stacks)) {
    const stack = new Stack(app, id);
    for (const entry of entries) {
      new LambdaFunction(stack, entry, {
        code: functionCode(stack, entry),
        handler: "index.handler",
        runtime: Runtime.NODEJS_24_X,
      });
    }
  }
  app.synth();
  return readdirSync(outdir)
    .filter((file) => file.startsWith("asset."))
    .sort();
}

const bundle = (name: string, asset: string | undefined) =>
  readFileSync(join(directory, name, asset ?? "", "index.js"), "utf8");

describe("the code of the functions", () => {
  it("is bundled in one call, however many functions and stacks an app has", () => {
    const assets = synthesized("out", { One: ["heartbeat", "list"], Two: ["heartbeat", "sweep"] });
    expect(assets).toHaveLength(3);
    expect(buildSync).toHaveBeenCalledTimes(1);
  });

  it("has the same hash if nothing was edited, and is rebuilt if something was", () => {
    const stacks = { One: ["heartbeat"] };
    const before = synthesized("before", stacks);
    expect(synthesized("again", stacks)).toEqual(before);
    const source = join(directory, "lambda", "heartbeat", "entry.ts");
    writeFileSync(source, `${readFileSync(source, "utf8")}\nconsole.log("${MARK}");\n`);
    const after = synthesized("after", stacks);
    expect(after).not.toEqual(before);
    expect(bundle("before", before[0])).not.toContain(MARK);
    expect(bundle("after", after[0])).toContain(MARK);
    // Also into the same directory, which contains the earlier bundle.
    expect(synthesized("before", stacks)).toEqual(expect.arrayContaining(after));
  });

  it("fails with one sentence that names the place in the source", () => {
    writeFileSync(join(directory, "lambda", "heartbeat", "entry.ts"), 'import "./nowhere";\n');
    expect(() => synthesized("out", { One: ["heartbeat"] })).toThrow(
      /^The functions can't be built: \S*lambda\/heartbeat\/entry\.ts:1:8: Could not resolve "\.\/nowhere".*$/,
    );
  });
});

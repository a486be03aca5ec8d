/** Runs test/e2e against a deployment, without the tests that the emulator can't pass. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TARGET_VARIABLE } from "../../testing/e2e/target";
import { finished } from "../verify/process";
import type { Gap } from "./gaps";

const ROOT = join(__dirname, "..", "..");

export interface SuiteResult {
  passed: number;
  /** Full names of failed tests, and files that could not be run. */
  failed: string[];
  skipped: { gap: Gap; tests: number }[];
}

interface JestResult {
  testResults: {
    name: string;
    message: string;
    status: string;
    assertionResults: { fullName: string; status: string }[];
  }[];
}

export interface SuiteOptions {
  /** The outputs file of the deployment. */
  target: string;
  gaps: readonly Gap[];
  /** The file to which jest writes its result. */
  resultFile: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  onOutput: (text: string) => void;
}

export async function runSuite(options: SuiteOptions): Promise<SuiteResult> {
  const { target, gaps, resultFile, env, signal, onOutput } = options;
  // One file after the other, because their timing must not depend on other files' functions.
  const args = [
    "--selectProjects",
    "e2e",
    "--testPathPatterns",
    "test/e2e/",
    "--runInBand",
    "--forceExit",
    "--json",
  ];
  const without = gaps.map(({ tests }) => escaped(tests));
  const pattern = gaps.length === 0 ? [] : ["--testNamePattern", `^(?!${without.join("|")})`];
  const jest = join(ROOT, "node_modules", ".bin", "jest");
  await finished(jest, [...args, "--outputFile", resultFile, ...pattern], {
    cwd: ROOT,
    env: { ...env, [TARGET_VARIABLE]: target, EXHAUSTIVE: "1" },
    signal,
    onOutput,
  });
  return summary(JSON.parse(readFileSync(resultFile, "utf8")), gaps);
}

function summary({ testResults }: JestResult, gaps: readonly Gap[]): SuiteResult {
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const names = (status: string) =>
    tests.filter((test) => test.status === status).map(({ fullName }) => fullName);
  const broken = testResults
    .filter(({ status, assertionResults }) => status === "failed" && assertionResults.length === 0)
    .map(({ name, message }) => `${name}: ${message}`);
  return {
    passed: names("passed").length,
    failed: [...names("failed"), ...broken],
    skipped: gaps.map((gap) => ({
      gap,
      tests: names("pending").filter((name) => name.startsWith(gap.tests)).length,
    })),
  };
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

/** The report of a trial, as a page that can be submitted. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { dollars } from "../../cli/src/cost/figures";
import { type Answer, CHECKS } from "./checks";
import type { SuiteResult } from "./suite";

const ROOT = join(__dirname, "..", "..");

export interface Trial {
  /** Epoch milliseconds. */
  at: number;
  region: string;
  /** The target of the deployment: AWS, or an emulator with its version. */
  on: string;
  deployedInMs: number;
  suite: SuiteResult;
  answers: readonly Answer[];
  /** The cost; undefined if nothing is billed. */
  usd: number | undefined;
  /** Whether everything was removed. */
  clean: boolean;
}

/** The versions of what was deployed, and of the tools. */
function versions(): Record<string, string> {
  const of = (path: string) =>
    (JSON.parse(readFileSync(join(ROOT, path), "utf8")) as { version: string }).version;
  return {
    "agent-heartbeat": of("package.json"),
    "aws-cdk-lib": of("node_modules/aws-cdk-lib/package.json"),
    "aws-cdk": of("node_modules/aws-cdk/package.json"),
    node: process.version.slice(1),
  };
}

/** In Markdown, without account ids, resource names and addresses. */
export function reportOf(trial: Trial, used: Record<string, string> = versions()): string {
  const { at, region, on, deployedInMs, suite, answers, usd, clean } = trial;
  const skipped = suite.skipped.reduce((sum, { tests }) => sum + tests, 0);
  const facts = [
    ["date", new Date(at).toISOString().slice(0, 10)],
    ["region", region],
    ["on", on],
    [
      "versions",
      Object.entries(used)
        .map((entry) => entry.join(" "))
        .join(", "),
    ],
    ["deployed in", `${Math.round(deployedInMs / 1000)} s`],
    ["tests", `${suite.passed} passed, ${suite.failed.length} failed, ${skipped} left out`],
    ["cost", usd === undefined ? "none" : dollars(usd)],
    ["left behind", clean ? "nothing" : "something: see the run"],
  ];
  const rows = answers.map(({ name, outcome, found }) => [name, CHECKS[name], outcome, found]);
  return [
    "# Trial deployment",
    table(["what", "value"], facts),
    "## Checks",
    table(["check", "expected", "outcome", "found"], rows),
    ...(suite.failed.length === 0
      ? []
      : ["## Tests that failed", suite.failed.map((name) => `- ${cell(name)}`).join("\n")]),
    "",
  ].join("\n\n");
}

const table = (titles: string[], rows: readonly (readonly string[])[]): string =>
  [titles, titles.map(() => "---"), ...rows.map((row) => row.map(cell))]
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n");

/** Removes names assigned by AWS, such as an API's, which identify the account. */
const cell = (text: string): string =>
  text
    .replaceAll("|", "\\|")
    .replace(/\s+/g, " ")
    .replace(/[a-z0-9]+\.execute-api\.[\w.-]+/g, "<api>")
    .replace(/\b\d{12}\b/g, "<account>")
    .replace(/("(?:connectionId|requestId)":\s*)"[^"]*"/g, '$1"…"');

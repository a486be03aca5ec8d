/** Runs the tests. Some test files are also shown as separate rows of the summary. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Check, type CheckContext, failed, passed, type Result } from "../check";
import { finished } from "../process";
import { command, installed, ROOT } from "../root";

interface FileResult {
  /** The path of the file. */
  name: string;
  status: "passed" | "failed";
  message: string;
  assertionResults: { status: string; fullName: string }[];
}

/** Runs test files and returns jest's results. */
export async function jest(
  args: readonly string[],
  { env, directory, signal }: CheckContext,
): Promise<{ files: FileResult[]; output: string }> {
  const file = join(directory, "tests.json");
  const { output } = await finished(command("jest"), [...args, "--json", "--outputFile", file], {
    cwd: ROOT,
    env,
    signal,
  });
  try {
    const { testResults } = JSON.parse(readFileSync(file, "utf8")) as { testResults: FileResult[] };
    return { files: testResults, output };
  } catch (cause) {
    throw new Error(`jest gave no result: ${output.trim()}`, { cause });
  }
}

/** Summarizes the results of test files. */
export function resultOf(files: readonly FileResult[]): Result {
  const tests = files.flatMap(({ assertionResults }) => assertionResults);
  const count = (status: string) => tests.filter((test) => test.status === status).length;
  const bad = files.filter(({ status }) => status === "failed");
  const left = count("pending");
  const line = `${count("passed")} tests passed${left ? `, ${left} skipped` : ""}`;
  if (files.length === 0) return failed("no test was found");
  if (bad.length === 0) return passed(line);
  return failed(`${line}, ${count("failed")} failed`, bad.map(({ message }) => message).join("\n"));
}

/** Test files shown as separate rows. */
const ROWS = (): [id: string, what: string, against: string, file: string][] => [
  [
    "nag",
    "cdk-nag: findings fixed, or accepted with a reason",
    `${installed("cdk-nag")}, AwsSolutions and Serverless`,
    "test/lib/nag.test.ts",
  ],
  [
    "bundles",
    "bundles: no test code, no unused clients, within the size limit",
    installed("esbuild"),
    "test/lib/bundles.test.ts",
  ],
  [
    "privileges",
    "tables in docs/security.md and docs/protocol.md",
    "the template, the types",
    "test/docs/generated.test.ts",
  ],
  [
    "documents",
    "documented commands exist",
    "package.json, the repository",
    "test/docs/commands.test.ts",
  ],
  [
    "lockfile",
    "lock file: hashes, no third-party hosts",
    "package-lock.json",
    "test/supply-chain/lockfile.test.ts",
  ],
  [
    "workflows",
    "workflows: actions pinned by commit, minimal permissions",
    ".github/workflows",
    "test/supply-chain/workflows.test.ts",
  ],
];

export function testChecks(): Check[] {
  const rows = ROWS();
  let all: Promise<FileResult[]> | undefined;
  /** All rows share one run of jest. */
  const results = (context: CheckContext) => {
    const files = context.quick ? rows.map(([, , , file]) => file) : [];
    all ??= jest(files, context).then(({ files }) => files);
    return all;
  };
  return [
    {
      id: "tests",
      what: "unit, model and end-to-end tests",
      against: `${installed("jest")}, Node.js ${process.versions.node}, ${installed("@dynoxide/linux-x64")}`,
      slow: true,
      run: async (context) => resultOf(await results(context)),
    },
    ...rows.map(
      ([id, what, against, file]): Check => ({
        id,
        what,
        against,
        async run(context) {
          const files = await results(context);
          return resultOf(files.filter(({ name }) => name.endsWith(file)));
        },
      }),
    ),
  ];
}

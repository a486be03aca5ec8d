/** `npm run verify`: runs every check that needs no AWS account and prints a summary table. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import pc from "picocolors";
import type { Check, Result } from "./check";
import { failed, skipped } from "./check";
import { deploymentChecks } from "./checks/deployment";
import { engineChecks } from "./checks/engines";
import { scriptChecks } from "./checks/scripts";
import { supplyChainChecks } from "./checks/supply-chain";
import { templateChecks } from "./checks/template";
import { testChecks } from "./checks/tests";
import { summary } from "./summary";

const USAGE = `Runs every check that needs no AWS account and prints a summary table.

  npm run verify                     everything, takes about twenty minutes
  npm run verify -- --quick          skips slow checks: all tests, other engines, the emulator
  npm run verify -- --only a,b       only checks whose names begin with these
  npm run verify -- --list           lists the names of the checks
`;

async function main(): Promise<number> {
  const { values: options } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const checks = chosen(options.only?.split(","));
  if (options.list) {
    for (const { id, what } of checks) console.log(`${id.padEnd(20)} ${what}`);
    return 0;
  }
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => controller.abort(new Error("it was interrupted")));
  }
  const { signal } = controller;
  const directory = mkdtempSync(join(tmpdir(), "agent-heartbeat-verify-"));
  const quick = options.quick || options.only !== undefined;
  const env = { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" };
  const rows: [Check, Result][] = [];
  try {
    for (const check of checks) {
      process.stderr.write(`${check.what} … `);
      const begin = performance.now();
      const result =
        options.quick && check.slow
          ? skipped("--quick")
          : await check
              .run({ env, directory, quick, signal })
              .catch((error: Error) => failed(error.message));
      signal.throwIfAborted();
      process.stderr.write(
        `${result.outcome}, ${Math.round((performance.now() - begin) / 1000)} s\n`,
      );
      if (result.outcome === "failed") process.stderr.write(`${result.output ?? ""}\n`);
      rows.push([check, result]);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  console.log(`\n${summary(rows, pc)}`);
  return rows.some(([, { outcome }]) => outcome === "failed") ? 1 : 0;
}

/** @throws Error listing the known checks, if a name matches none */
function chosen(names: string[] | undefined): Check[] {
  const checks = [
    ...scriptChecks(),
    ...testChecks(),
    ...templateChecks(),
    ...engineChecks(),
    ...deploymentChecks(),
    ...supplyChainChecks(),
  ];
  if (names === undefined) return checks;
  const unknown = names.filter((name) => !checks.some(({ id }) => id.startsWith(name)));
  if (unknown.length > 0) {
    const known = checks.map(({ id }) => id).join(", ");
    throw new Error(`--only: expected some of ${known}, got ${unknown.join(", ")}`);
  }
  return checks.filter(({ id }) => names.some((name) => id.startsWith(name)));
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  },
);

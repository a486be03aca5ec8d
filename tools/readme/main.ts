/** `npm run readme`: follows the README in a fresh clone like a newcomer, and compares the output with the text. */

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { interruptions } from "../interruptions";
import { follow } from "./follow";
import { stepsOf } from "./steps";

const ROOT = join(__dirname, "..", "..");
const UNTIL = "What it promises";

/** Replacements for commands that take minutes, unless `--whole` is given. */
const QUICK: Readonly<Record<string, string>> = {
  "npm ci && npm test": "npm run --silent check && npm test -- test/docs test/cli/commands/status",
};

const { values: options } = parseArgs({ options: { whole: { type: "boolean", default: false } } });

async function main(): Promise<void> {
  const signal = interruptions();
  const directory = mkdtempSync(join(tmpdir(), "agent-heartbeat-readme-"));
  try {
    const clone = join(directory, "agent-heartbeat");
    await promisify(execFile)("git", ["clone", "--quiet", "--no-hardlinks", ROOT, clone]);
    const steps = stepsOf(readFileSync(join(clone, "README.md"), "utf8"), UNTIL);
    litter(clone);
    // Files of npm and the tests are removed with the clone.
    const temporary = join(directory, "tmp");
    mkdirSync(temporary);
    await follow(steps, {
      directory: clone,
      env: { ...process.env, NO_COLOR: "1", TMPDIR: temporary },
      replaced: (command) => (options.whole ? command : (QUICK[command] ?? command)),
      signal,
    });
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Files that users may have in the folder. They must not affect any check. */
function litter(clone: string): void {
  mkdirSync(join(clone, "my-agent"));
  writeFileSync(join(clone, "my-agent", "package.json"), '{"name":"@agent-heartbeat/sdk"}');
  writeFileSync(join(clone, "my-agent", "agent.test.ts"), "let   unused: string = 1\n");
  writeFileSync(join(clone, "notes.md"), "[nowhere](nowhere.md)\n");
  writeFileSync(join(clone, "mine.ts"), "let   unused: string = 1\n");
}

main().then(
  () => {
    console.log("\nThe README holds.\n1 passed, 0 failed");
    process.exit(0);
  },
  (error: Error) => {
    console.error(`\n${error.message}\n0 passed, 1 failed`);
    process.exit(1);
  },
);

/** `npm run readme`: follows the README in a fresh clone like a newcomer, and compares the output with the text. */

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { missingIn, type Step, stepsOf } from "./steps";
import { type Block, Terminal } from "./terminal";

const ROOT = join(__dirname, "..", "..");
const UNTIL = "What it promises";
/** The address that the README names. */
const PORT = 8787;

/** Only ends what hangs, even on slow machines. */
const LIMIT_MS = 15 * 60_000;
const PAUSE_MS = 500;
const GRACE_MS = 60_000;

/** Commands that query a state which changes by itself. They may be repeated. */
const QUESTION = /^npx agent-heartbeat (?:status|why|events)\b/;

/** Replacements for commands that take minutes, unless `--whole` is given. */
const QUICK: Readonly<Record<string, string>> = {
  "npm ci && npm test": "npm run --silent check && npx jest test/docs test/cli/status",
};

const { values: options } = parseArgs({ options: { whole: { type: "boolean", default: false } } });

async function main(): Promise<void> {
  if (await isTaken())
    throw new Error(`Port ${PORT}, which the README uses, is in use: free it first`);
  const directory = mkdtempSync(join(tmpdir(), "agent-heartbeat-readme-"));
  const terminals: Terminal[] = [];
  const interrupted = new Promise<never>((_, reject) => {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      // Several signals may arrive: npm forwards one that the terminal has also sent.
      process.on(name, () => reject(new Error("It was interrupted")));
    }
  });
  try {
    await Promise.race([interrupted, follow(directory, terminals)]);
  } finally {
    for (const terminal of terminals.toReversed()) await terminal.close(GRACE_MS);
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function follow(directory: string, terminals: Terminal[]): Promise<void> {
  const clone = join(directory, "agent-heartbeat");
  await promisify(execFile)("git", ["clone", "--quiet", "--no-hardlinks", ROOT, clone]);
  const steps = stepsOf(readFileSync(join(clone, "README.md"), "utf8"), UNTIL);
  litter(clone);
  // Files of npm and the tests are removed with the clone.
  const temporary = join(directory, "tmp");
  mkdirSync(temporary);
  const env = { ...process.env, NO_COLOR: "1", TMPDIR: temporary };
  const open = () => {
    terminals.push(new Terminal(clone, env, (text) => process.stdout.write(text)));
  };
  open();
  for (const step of steps) await take(step);

  async function take(step: Step): Promise<void> {
    const [first] = terminals;
    const terminal = terminals.at(-1);
    if (!first || !terminal) throw new Error("expected a terminal, got none");
    if (step.do === "open") open();
    else if (step.do === "save") writeFileSync(join(clone, step.file), step.text);
    else if (step.do === "run") await run(terminal, step.commands, step.promised);
    else {
      first.interrupt();
      await waitFor(first, async () => !(await isTaken()), "Ctrl-C did not end what was started");
    }
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

async function run(terminal: Terminal, typed: string[], promised: string[]): Promise<void> {
  const commands = typed.map((command) => (options.whole ? command : (QUICK[command] ?? command)));
  const say = (lines: readonly string[]) => {
    for (const line of lines) console.log(`\n\u001b[1m$ ${line}\u001b[0m`);
  };
  say(commands);
  const first = terminal.type(commands);
  let block = first;
  const questions = commands.filter((command) => QUESTION.test(command));
  await waitFor(
    terminal,
    async () => {
      const status = block.status();
      const missing = missingIn(first.output(), promised);
      if (missing === undefined && (promised.length > 0 || status === 0)) return true;
      if (status !== undefined && status !== 0) {
        throw new Error(`"${commands.join("; ")}" ended with ${status}`);
      }
      if (status === 0 && questions.length > 0) block = terminal.type(questions);
      return false;
    },
    () => explained(commands, first, promised),
  );
}

const explained = (commands: string[], block: Block, promised: string[]) =>
  `The README promises of "${commands.join("; ")}": ${missingIn(block.output(), promised)}`;

/** Checks again after each new output. @throws Error with the expected output, if it does not appear */
async function waitFor(
  terminal: Terminal,
  holds: () => Promise<boolean>,
  expected: string | (() => string),
): Promise<void> {
  const end = performance.now() + LIMIT_MS;
  while (!(await holds())) {
    if (performance.now() > end || terminal.hasEnded) {
      throw new Error(typeof expected === "string" ? expected : expected());
    }
    await terminal.news(PAUSE_MS);
  }
}

async function isTaken(): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once("error", () => resolve(true))
      .listen(PORT, "127.0.0.1", () => server.close(() => resolve(false)));
  });
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

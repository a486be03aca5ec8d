/** Follows the steps of a document like a newcomer, and compares the output with the text. */

import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { missingIn, type Step } from "./steps";
import { type Block, Terminal } from "./terminal";

/** The address that the documents name. */
const PORT = 8787;

/** Only ends what hangs, even on slow machines. */
const LIMIT_MS = 15 * 60_000;
const PAUSE_MS = 500;
const GRACE_MS = 60_000;

/** Commands that query a changing state. They may be repeated. */
const QUESTION = /^npx agent-heartbeat (?:status|why|events)\b/;

export interface FollowOptions {
  /** Where the steps are taken. */
  directory: string;
  env: NodeJS.ProcessEnv;
  /** A command to run in place of one in the document. */
  replaced(command: string): string;
  /** Aborted to give up. */
  signal: AbortSignal;
}

/**
 * Takes every step, then closes the terminals.
 *
 * @throws Error saying what the document promises and does not hold
 */
export async function follow(steps: readonly Step[], options: FollowOptions): Promise<void> {
  const { directory, env, replaced, signal } = options;
  if (await isTaken())
    throw new Error(`Port ${PORT}, which the document uses, is in use: free it first`);
  const terminals: Terminal[] = [];
  const open = () => {
    terminals.push(new Terminal(directory, env, (text) => process.stdout.write(text)));
  };
  open();
  const interrupted = new Promise<never>((_, reject) => {
    const giveUp = () => reject(new Error("It was interrupted"));
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp);
  });
  interrupted.catch(() => undefined);
  try {
    for (const step of steps) await Promise.race([interrupted, take(step)]);
  } finally {
    for (const terminal of terminals.toReversed()) await terminal.close(GRACE_MS);
  }

  async function take(step: Step): Promise<void> {
    const [first] = terminals;
    const terminal = terminals.at(-1);
    if (!first || !terminal) throw new Error("expected a terminal, got none");
    if (step.do === "open") open();
    else if (step.do === "save") writeFileSync(join(directory, step.file), step.text);
    else if (step.do === "run") await run(terminal, step.commands.map(replaced), step.promised);
    else {
      first.interrupt();
      await waitFor(first, async () => !(await isTaken()), "Ctrl-C did not end what was started");
    }
  }
}

async function run(terminal: Terminal, commands: string[], promised: string[]): Promise<void> {
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
  `The document promises of "${commands.join("; ")}": ${missingIn(block.output(), promised)}`;

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

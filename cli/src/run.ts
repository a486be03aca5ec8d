/** Runs one command line from its arguments to its exit code. */

import { inspect } from "node:util";
import { CommanderError } from "commander";
import { type CliError, EXIT, explain, usageError } from "./failure";
import type { Io } from "./io";
import { createProgram } from "./program";
import { brief, printable } from "./terminal/printable";
import { coloursFor } from "./terminal/printer";

/**
 * Runs the command. Never throws: an error is one sentence and a hint on `stderr`, and an exit code.
 *
 * @param args the arguments after the command's name
 * @returns the exit code
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const program = createProgram(io);
  try {
    await program.parseAsync(args, { from: "user" });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError && isHelp(error)) return helpCode(error);
    const failure = error instanceof CommanderError ? fromCommander(error) : explain(error);
    report(failure, error, args, io);
    return failure.code;
  }
}

function report({ message, hint }: CliError, error: unknown, args: readonly string[], io: Io) {
  const options = { color: !args.includes("--no-color") };
  const { red, dim } = coloursFor(io.stderr, io.env, options);
  io.stderr.write(`${red("error:")} ${printable(brief(message))}\n`);
  if (hint) io.stderr.write(`${dim(printable(brief(hint)))}\n`);
  if (args.includes("--debug")) io.stderr.write(`${inspect(error)}\n`);
}

function fromCommander(error: CommanderError): CliError {
  const message = error.message.replace(/^error: /, "");
  const sentence = `${message.charAt(0).toUpperCase()}${message.slice(1)}`;
  return usageError(sentence.endsWith(".") ? sentence : `${sentence}.`, "See --help.");
}

/** Commander throws also where it has printed the help or the version. */
function isHelp({ code }: CommanderError): boolean {
  return code.startsWith("commander.help") || code === "commander.version";
}

/** Help that was asked for is an answer; help for want of a command is a mistake in usage. */
function helpCode({ code }: CommanderError): number {
  return code === "commander.help" ? EXIT.usage : EXIT.ok;
}

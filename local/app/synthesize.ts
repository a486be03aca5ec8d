/** Turns the CDK app into a template and bundled functions, without the slower CDK command line. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { LocalRuntimeError } from "../aws/errors";
import { spawnGuarded } from "../aws/processes/parent-death-guard";

export interface SynthesizeOptions {
  /** The directory of the app. Its `cdk.json` may be missing if a command is given. */
  directory: string;
  /** The output directory. It must be inside the app's folder if functions import the app's packages. */
  outputDirectory: string;
  /** The command of the app. @default - that of `cdk.json` */
  app?: string;
  /** Aborts the synthesis. */
  signal?: AbortSignal;
}

interface CdkJson {
  app?: string;
  context?: Record<string, unknown>;
}

/**
 * Synthesizes an app.
 *
 * @returns the directory of the assembly
 * @throws LocalRuntimeError with the app's error message if it fails
 */
export async function synthesize(options: SynthesizeOptions): Promise<string> {
  const { directory, outputDirectory, signal } = options;
  const settings = readJson<CdkJson>(join(directory, "cdk.json"), options.app !== undefined);
  const app = options.app ?? settings.app;
  if (app === undefined)
    throw new LocalRuntimeError(`${directory}/cdk.json: expected an app, got none`);
  // What lookups have found before.
  const lookups = readJson<Record<string, unknown>>(join(directory, "cdk.context.json"), true);
  const synthesis = spawnGuarded("/bin/sh", ["-c", app], {
    cwd: directory,
    output: "pipe",
    env: {
      ...process.env,
      CDK_OUTDIR: outputDirectory,
      CDK_CONTEXT_JSON: JSON.stringify({ ...lookups, ...settings.context }),
      // Skips the validation of the template, which takes longer than everything else. `cdk synth` and `cdk deploy` run it.
      CDK_VALIDATION: "false",
    },
  });
  let output = "";
  for (const stream of [synthesis.child.stdout, synthesis.child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const abort = () => void synthesis.kill();
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort);
  await synthesis.ended;
  signal?.removeEventListener("abort", abort);
  if (signal?.aborted) throw new LocalRuntimeError("The synthesis was interrupted");
  if (synthesis.child.exitCode !== 0) {
    const command = options.app === undefined ? "npx cdk synth" : options.app;
    throw new LocalRuntimeError(
      `The app can't be synthesized: ${errorLineIn(output)}; fix that and start again ("${command}" prints more)`,
    );
  }
  if (existsSync(join(outputDirectory, "manifest.json"))) return outputDirectory;
  throw new LocalRuntimeError(`"${app}" produced no template: expected the command of a CDK app`);
}

/** @param optional whether the file need not exist */
function readJson<T extends object>(file: string, optional: boolean): Partial<T> {
  if (optional && !existsSync(file)) return {};
  try {
    return JSON.parse(readFileSync(file, "utf8")) as T;
  } catch (cause) {
    throw new LocalRuntimeError(`Can't read ${file}: ${(cause as Error).message}`, { cause });
  }
}

/** The error message in an output, with the next line if the first one ends with a colon. */
function errorLineIn(output: string): string {
  const lines = output
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const index = lines.findIndex((line) => /^([A-Za-z]*Error|✘ \[ERROR\])\b/.test(line));
  const message = lines.at(index) ?? "it ended without any output";
  const whole = message.endsWith(":") ? `${message} ${lines[index + 1] ?? ""}` : message;
  return whole.replace(/^Error: /, "");
}

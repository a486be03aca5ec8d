/** Turns the CDK app into a template and bundled functions, without the slower CDK command line. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { LocalRuntimeError } from "../aws/errors";
import { spawnLeashed } from "../aws/processes/parent-death-guard";

export interface SynthesizeOptions {
  /** The directory of the app, with its `cdk.json`. */
  directory: string;
  /** Where the assembly goes. It has to be below the app's packages for functions that import them. */
  outputDirectory: string;
  /** The command of the app. @default - the one in `cdk.json` */
  app?: string;
  /** Ends the synthesis. */
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
 * @throws LocalRuntimeError with the app's own words if it fails
 */
export async function synthesize(options: SynthesizeOptions): Promise<string> {
  const { directory, outputDirectory, signal } = options;
  const settings = readCdkJson(directory);
  const app = options.app ?? settings.app;
  if (app === undefined)
    throw new LocalRuntimeError(`${directory}/cdk.json: expected an app, got none`);
  const synthesis = spawnLeashed("/bin/sh", ["-c", app], {
    cwd: directory,
    output: "pipe",
    env: {
      ...process.env,
      CDK_OUTDIR: outputDirectory,
      CDK_CONTEXT_JSON: JSON.stringify(settings.context ?? {}),
      // Rules of CloudFormation that a deployment is held to. They take longer than all the rest.
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
      `The app can't be synthesized: ${complaintIn(output)}; mend that and start again ("${command}" says more)`,
    );
  }
  if (existsSync(join(outputDirectory, "manifest.json"))) return outputDirectory;
  throw new LocalRuntimeError(`"${app}" made no template: name the command of a CDK app`);
}

function readCdkJson(directory: string): CdkJson {
  const file = join(directory, "cdk.json");
  try {
    return JSON.parse(readFileSync(file, "utf8")) as CdkJson;
  } catch (cause) {
    throw new LocalRuntimeError(`Can't read ${file}: ${(cause as Error).message}`, { cause });
  }
}

/** The line of an output that says what went wrong, with the next one if it only announces that. */
function complaintIn(output: string): string {
  const lines = output
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const index = lines.findIndex((line) => /^([A-Za-z]*Error|✘ \[ERROR\])\b/.test(line));
  const complaint = lines.at(index) ?? "it ended without a word";
  const whole = complaint.endsWith(":") ? `${complaint} ${lines[index + 1] ?? ""}` : complaint;
  return whole.replace(/^Error: /, "");
}

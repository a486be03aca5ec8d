/** Runs a program to completion and returns its output. */

import { once } from "node:events";
import { spawnGuarded } from "../../local/aws/processes/parent-death-guard";

export interface Finished {
  /** 127 if it could not be started, 130 if it was stopped by the signal. */
  code: number;
  /** Combined stdout and stderr. */
  output: string;
}

export interface ProcessOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv | undefined;
  /** Stops the process, which gets time to shut down. */
  signal?: AbortSignal | undefined;
  /** Called with each chunk of output. */
  onOutput?: (text: string) => void;
}

const GRACE_MS = 10_000;

export async function finished(
  program: string,
  args: readonly string[],
  { cwd, env, signal, onOutput }: ProcessOptions = {},
): Promise<Finished> {
  if (signal?.aborted) return { code: 130, output: "" };
  const { child, stop } = spawnGuarded(program, args, {
    output: "pipe",
    ...(cwd && { cwd }),
    ...(env && { env }),
  });
  const closed = once(child, "close");
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      onOutput?.(text);
    });
  }
  const abort = () => void stop(GRACE_MS);
  signal?.addEventListener("abort", abort);
  await closed;
  signal?.removeEventListener("abort", abort);
  return { code: signal?.aborted ? 130 : (child.exitCode ?? 127), output };
}

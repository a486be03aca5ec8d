/** Runs the real CDK command line. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { finished } from "../verify/process";

const ROOT = join(__dirname, "..", "..");
const APP = "node --conditions=agent-heartbeat-source --import tsx tools/trial-deployment/app.ts";
/** Lines of output shown on failure. */
const LAST_LINES = 30;

export interface CdkOptions {
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** The directory of the assembly. */
  assembly: string;
}

/** @throws Error with the end of the command's output */
export async function cdk(args: readonly string[], options: CdkOptions): Promise<void> {
  const { env, signal } = options;
  const command = join(ROOT, "node_modules", ".bin", "cdk");
  const { code, output } = await finished(command, [...args, "--no-notices"], {
    cwd: ROOT,
    env: { ...env, CI: "true" },
    signal,
  });
  signal.throwIfAborted();
  if (code === 0) return;
  const end = output.trim().split("\n").slice(-LAST_LINES).join("\n");
  throw new Error(`cdk ${args[0]} failed with ${code}:\n${end}`);
}

/** Synthesizes the stack under test into the assembly. */
export async function synthesizeStack(
  context: Record<string, string>,
  options: CdkOptions,
): Promise<void> {
  const settings = Object.entries(context).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
  await cdk(["synth", "--quiet", "--app", APP, "--output", options.assembly, ...settings], options);
}

/** The bootstrap version that the assembly requires. */
export function requiredBootstrapVersion(assembly: string): number {
  const { artifacts } = JSON.parse(readFileSync(join(assembly, "manifest.json"), "utf8")) as {
    artifacts: Record<string, { properties?: Record<string, unknown> }>;
  };
  const versions = Object.values(artifacts).flatMap(
    ({ properties }) => Number(properties?.requiresBootstrapStackVersion) || [],
  );
  return Math.max(0, ...versions);
}

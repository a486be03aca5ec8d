/**
 * Uses the `agent-heartbeat` command against a stack: registers, lists, disables and removes an
 * agent.
 */

import { join } from "node:path";
import { finished } from "../verify/process";

const COMMAND = join(__dirname, "..", "..", "cli", "bin", "agent-heartbeat.mjs");
const ORGANIZATION = "trial";
const AGENT = "worker-1";

export interface CommandLineOptions {
  stackName: string;
  /** The file to which the agent's key is written. */
  keyFile: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

/** @throws Error naming the command that failed or printed something unexpected */
export async function useCommandLine(options: CommandLineOptions): Promise<void> {
  const { stackName, keyFile, env, signal } = options;
  const agent = ["--agent", AGENT];
  await expectAfter(["agents", "register", ...agent, "--generate-key", keyFile], /registered/i);
  await expectAfter(["agents", "list", "--json"], new RegExp(`"${AGENT}"`));
  await expectAfter(["status", "--json"], /\[\]/);
  await expectAfter(["agents", "disable", ...agent], /disabled/i);
  await expectAfter(["agents", "remove", ...agent, "--yes"], /removed/i);

  async function expectAfter(command: string[], expected: RegExp): Promise<void> {
    const args = [COMMAND, ...command, "--stack", stackName, "--organization", ORGANIZATION];
    const { code, output } = await finished(process.execPath, args, { env, signal });
    signal.throwIfAborted();
    if (code === 0 && expected.test(output)) return;
    throw new Error(
      `agent-heartbeat ${command.join(" ")}: expected ${expected}, got (exit code ${code}) ${output.trim()}`,
    );
  }
}

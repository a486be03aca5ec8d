/**
 * A deployment for rehearsals: a local runtime of the template, and the command line connected to
 * it.
 */

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { writeOutputs } from "../../local/app/outputs-file";
import { startLocalService } from "../../local/app/service";
import { type Target, targetOf } from "../../testing/e2e/target";

const run = promisify(execFile);
const ROOT = resolve(__dirname, "../..");
const CLI = [
  "--conditions=agent-heartbeat-source",
  "--import",
  pathToFileURL(require.resolve("tsx")).href,
  join(ROOT, "cli/src/main.ts"),
];

export interface Region {
  target: Target;
  /** The folder in which the command line finds the deployment. */
  folder: string;
  /** Runs `agent-heartbeat <args> --local` in the folder. @throws Error with the command's output if it fails */
  cli(...args: string[]): Promise<string>;
  /** Stops the region. Further calls do nothing. */
  stop(): Promise<void>;
}

export async function openRegion(assemblyDirectory: string): Promise<Region> {
  const runtime = await startLocalService({
    assemblyDirectory,
    stackName: "AgentHeartbeat",
    schedules: false,
  });
  const folder = await mkdtemp(join(tmpdir(), "agent-heartbeat-rehearsal-"));
  writeOutputs(join(folder, ".local", "outputs.json"), runtime.outputs);
  const target = targetOf(runtime.outputs);
  let running = true;
  return {
    target,
    folder,
    async cli(...args) {
      const { stdout } = await run(process.execPath, [...CLI, ...args, "--local"], { cwd: folder });
      return stdout;
    },
    async stop() {
      if (!running) return;
      running = false;
      target.close();
      await runtime.stop();
      await rm(folder, { recursive: true });
    },
  };
}

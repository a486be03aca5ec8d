/** Makes one file of the demo agent's program, which starts ten times faster than its sources. */

import { join } from "node:path";
import { build } from "esbuild";

/** @returns the path of the program */
export async function bundleAgent(directory: string): Promise<string> {
  const outfile = join(directory, "agent.cjs");
  await build({
    entryPoints: [join(__dirname, "agent.ts")],
    outfile,
    bundle: true,
    platform: "node",
    conditions: ["agent-heartbeat-source"],
    logLevel: "silent",
  });
  return outfile;
}

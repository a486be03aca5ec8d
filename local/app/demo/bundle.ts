/** Bundles an agent's program into one file, which starts ten times faster than its sources. */

import { join } from "node:path";
import { build } from "esbuild";

/**
 * @param entry the program's own file
 * @returns the path of the program
 */
export async function bundleAgent(
  directory: string,
  entry = join(__dirname, "agent.ts"),
): Promise<string> {
  const outfile = join(directory, "agent.cjs");
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    conditions: ["agent-heartbeat-source"],
    logLevel: "silent",
  });
  return outfile;
}

/** The default app and the demo agent, built from this repository. */

import { join } from "node:path";
import { bundleAgent } from "../demo/bundle";
import { synthesize } from "../synthesize";

const ROOT = join(__dirname, "..", "..", "..");

/**
 * The assembly of the construct with its defaults.
 *
 * @param outputDirectory for an assembly that has to be built
 */
export const defaultAssembly = (
  outputDirectory: () => string,
  signal: AbortSignal,
): Promise<string> => synthesize({ directory: ROOT, outputDirectory: outputDirectory(), signal });

/**
 * The demo agent's program.
 *
 * @param directory for a program that has to be built
 */
export const demoAgent = (directory: string): Promise<string> => bundleAgent(directory);

export { pythonCommand } from "../demo/python";

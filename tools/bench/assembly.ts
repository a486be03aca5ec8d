/** Synthesizes a stack for a benchmark and removes the assembly afterwards. */

import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { synthesize } from "../../local/app/synthesize";

export const ROOT = join(import.meta.dirname, "../..");

/**
 * @param app command of the CDK app; by default the app in `cdk.json`
 * @param work receives the assembly's directory, which is removed when it is done
 */
export async function withAssembly<T>(
  app: string | undefined,
  work: (assembly: string) => Promise<T>,
): Promise<T> {
  // Inside the repository, so that the functions can import its packages.
  const directory = mkdtempSync(join(ROOT, ".local-bench-"));
  try {
    const outputDirectory = join(directory, "cdk.out");
    return await work(
      await synthesize({ directory: ROOT, outputDirectory, ...(app !== undefined && { app }) }),
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

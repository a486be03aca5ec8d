/** The stack that is measured, synthesized for a benchmark and gone with it. */

import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { synthesize } from "../../local/app/synthesize";

export const ROOT = join(import.meta.dirname, "../..");

/**
 * @param app its command; undefined for the app of `cdk.json`
 * @param work gets the assembly's directory, which is removed once it is done
 */
export async function withAssembly<T>(
  app: string | undefined,
  work: (assembly: string) => Promise<T>,
): Promise<T> {
  // Below the packages, from which functions may import.
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

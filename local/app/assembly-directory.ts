/** The directory of a run's cloud assembly, which is removed when the run ends. */

import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const PREFIX = "cdk.out-";

/**
 * Creates a directory for this process, and removes those of killed runs. A separate directory ensures that no incomplete
 * assembly of another run is used.
 *
 * @returns its path; it is removed when the process exits
 */
export function assemblyDirectory(stateDirectory: string): string {
  mkdirSync(stateDirectory, { recursive: true });
  for (const name of readdirSync(stateDirectory)) {
    if (name.startsWith(PREFIX) && !runs(Number(name.slice(PREFIX.length)))) remove(name);
  }
  const own = `${PREFIX}${process.pid}`;
  remove(own);
  mkdirSync(join(stateDirectory, own));
  process.once("exit", () => remove(own));
  return join(stateDirectory, own);

  function remove(name: string) {
    rmSync(join(stateDirectory, name), { recursive: true, force: true });
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

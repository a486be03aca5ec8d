/** Finds a Python that can run the demo agent of the Python client. */

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const CLIENT = join(__dirname, "..", "..", "..", "python");

/** The environment that `python/check.py` makes, or else what is on the path. */
const CANDIDATES = [
  join(CLIENT, ".venv", "bin", "python"),
  join(CLIENT, ".venv", "Scripts", "python.exe"),
].filter((path) => existsSync(path));

/** @returns the executable and the agent's program; undefined without a Python that has the client's dependencies */
export async function pythonCommand(): Promise<string[] | undefined> {
  const program = join(__dirname, "agent.py");
  for (const python of [...CANDIDATES, "python3"]) {
    if (await succeeds(python, [program, "--check"])) return [python, program];
  }
  return undefined;
}

const succeeds = (command: string, args: string[]) =>
  new Promise<boolean>((resolve) => execFile(command, args, (error) => resolve(error === null)));

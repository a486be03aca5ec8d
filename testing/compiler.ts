/** The TypeScript compiler as a program, for code that is not in the repository. */

import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const PROGRAM = join(dirname(require.resolve("typescript-7/package.json")), "bin", "tsc");

/**
 * Compiles the TypeScript files of a folder, without any output.
 *
 * @param settings the content of the folder's tsconfig.json, which is written there
 * @returns the errors, one a line: the file's path from the folder, the place, and what is wrong
 */
export async function typeErrors(folder: string, settings: object): Promise<string[]> {
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(settings));
  const flags = [PROGRAM, "--noEmit", "--pretty", "false"];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, flags, { cwd: folder }, (error, stdout, stderr) => {
      const lines = stdout.split("\n").filter((line) => /^\S.*error TS/.test(line));
      if (error && lines.length === 0) reject(new Error(`${stdout}${stderr}`, { cause: error }));
      else resolve(lines);
    });
  });
}

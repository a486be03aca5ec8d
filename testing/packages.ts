/** The packages that are published, as they are packed. */

import { execFile } from "node:child_process";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { packFolder } from "./empty-project";

const run = promisify(execFile);
const repository = join(__dirname, "..");

/** The folders of the packages, in the order in which they depend on one another. */
export const PUBLISHED = ["sdk", "local", "cli", "lib"] as const;

/** Packs a package in its folder, where it is built. @returns the path of the tarball */
export const pack = (folder: (typeof PUBLISHED)[number], directory: string): Promise<string> =>
  packFolder(join(repository, folder), directory);

/** Makes a copy of a package's folder, built there, so that other users of the package are not disturbed. */
export async function builtCopy(folder: "local" | "cli" | "lib", directory: string): Promise<void> {
  const source = join(repository, folder);
  for (const file of ["package.json", "README.md", "LICENSE"]) {
    await cp(join(source, file), join(directory, file));
  }
  await run(process.execPath, [join(source, "build.mjs"), join(directory, "dist")]);
}

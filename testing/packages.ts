/** The packages that are published, as they are packed. */

import { execFile } from "node:child_process";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const repository = join(__dirname, "..");

/** The folders of the packages, in the order in which they depend on one another. */
export const PUBLISHED = ["sdk", "local", "cli", "lib"] as const;

/**
 * Packs a package with `npm pack` in its folder, which builds it there.
 *
 * @returns the path of the tarball
 */
export async function pack(folder: (typeof PUBLISHED)[number], directory: string): Promise<string> {
  const source = join(repository, folder);
  const options = { cwd: source, maxBuffer: 64 * 1024 * 1024 };
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", directory], options);
  // What the build prints comes first.
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as [{ filename: string }];
  return join(directory, filename);
}

/** Makes a copy of a package's folder, built there, so that other users of the package are not disturbed. */
export async function builtCopy(folder: "local" | "cli" | "lib", directory: string): Promise<void> {
  const source = join(repository, folder);
  for (const file of ["package.json", "README.md", "LICENSE"]) {
    await cp(join(source, file), join(directory, file));
  }
  await run(process.execPath, [join(source, "build.mjs"), join(directory, "dist")]);
}

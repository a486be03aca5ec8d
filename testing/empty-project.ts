/** An empty project with a package of this repository, installed as it would be published. */

import { execFile } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const modules = join(__dirname, "../node_modules");

export interface InstalledPackage {
  /** The empty project. */
  project: string;
  /** The package's folder in the project's node_modules. */
  installed: string;
}

/**
 * Packs a folder with `npm pack`, which builds it first, unless its scripts are ignored.
 *
 * @returns the path of the tarball
 */
export async function packFolder(
  source: string,
  directory: string,
  ...flags: string[]
): Promise<string> {
  const args = ["pack", "--json", "--pack-destination", directory, ...flags];
  const { stdout } = await run("npm", args, { cwd: source, maxBuffer: 64 * 1024 * 1024 });
  // What a build prints comes first.
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as [{ filename: string }];
  return join(directory, filename);
}

/**
 * Packs a package and unpacks it into an empty project's node_modules. Its dependencies are linked
 * from the repository, so no network is needed.
 *
 * @param source the directory to pack; the project is created beside it
 * @param dependencies the packages to link; scopes are linked as a whole
 */
export async function installPacked(
  source: string,
  name: string,
  dependencies: string[],
): Promise<InstalledPackage> {
  const root = join(source, "..");
  const tarball = await packFolder(source, root, "--ignore-scripts");
  const project = join(root, "project");
  const installed = join(project, "node_modules", name);
  await mkdir(installed, { recursive: true });
  await run("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"]);
  for (const dependency of dependencies) {
    await symlink(join(modules, dependency), join(project, "node_modules", dependency));
  }
  await writeFile(
    join(project, "package.json"),
    JSON.stringify({ name: "empty", version: "1.0.0" }),
  );
  return { project, installed };
}

/**
 * Runs publint and attw on an installed package.
 *
 * @param profile of attw: which ways of finding modules have to work
 * @throws Error with their findings
 */
export async function lintPackage(installed: string, profile = "node16"): Promise<void> {
  const bin = (name: string) => join(modules, ".bin", name);
  await run(bin("publint"), ["--strict"], { cwd: installed });
  // It packs the package again, which can't be built there.
  const env = { ...process.env, npm_config_ignore_scripts: "true" };
  await run(bin("attw"), ["--pack", installed, "--profile", profile], { cwd: installed, env });
}

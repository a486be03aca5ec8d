/** The SDK as a stranger gets it: built, packed, and unpacked into the modules of an empty project. */

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const repository = join(__dirname, "..", "..");

export interface PackedSdk {
  /** The empty project. */
  project: string;
  /** The package in the project's modules. */
  installed: string;
}

/**
 * Builds in a copy, so that it disturbs no other use of the built package. What the package depends on is
 * linked in from the repository: no network is needed.
 */
export async function packedSdk(): Promise<PackedSdk> {
  const root = await mkdtemp(join(tmpdir(), "agent-heartbeat-"));
  const modules = join(repository, "node_modules");
  const source = join(root, "sdk");
  await cp(join(repository, "sdk"), source, {
    recursive: true,
    filter: (path) => !["dist", "node_modules"].includes(basename(path)),
  });
  await cp(join(repository, "tsconfig.json"), join(root, "tsconfig.json"));
  await symlink(modules, join(root, "node_modules"));
  await run(process.execPath, [join(source, "build.mjs")]);
  await run("npm", ["pack", "--ignore-scripts", "--pack-destination", root], { cwd: source });

  const project = join(root, "project");
  const installed = join(project, "node_modules", "@agent-heartbeat", "sdk");
  await mkdir(installed, { recursive: true });
  const tarball = join(root, "agent-heartbeat-sdk-0.1.0.tgz");
  await run("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"]);
  for (const name of ["ws", "@aws-sdk", "@smithy", "@types", "undici-types", "tslib"]) {
    await symlink(join(modules, name), join(project, "node_modules", name));
  }
  await writeFile(
    join(project, "package.json"),
    JSON.stringify({ name: "empty", version: "1.0.0" }),
  );
  return { project, installed };
}

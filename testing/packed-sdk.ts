/** The SDK as users get it: built, packed and installed in an empty project. */

import { execFile } from "node:child_process";
import { cp, mkdtemp, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { type InstalledPackage, installPacked } from "./empty-project";

const run = promisify(execFile);
const repository = join(__dirname, "..");

/** Builds in a copy, so that other users of the built package are not disturbed. */
export async function packedSdk(): Promise<InstalledPackage> {
  const root = await mkdtemp(join(tmpdir(), "agent-heartbeat-"));
  const source = join(root, "sdk");
  await cp(join(repository, "sdk"), source, {
    recursive: true,
    filter: (path) => !["dist", "node_modules"].includes(basename(path)),
  });
  await cp(join(repository, "core"), join(root, "core"), { recursive: true });
  await cp(join(repository, "tsconfig.json"), join(root, "tsconfig.json"));
  await symlink(join(repository, "node_modules"), join(root, "node_modules"));
  await run(process.execPath, [join(source, "build.mjs")]);
  const dependencies = [
    "ws",
    "agent-base",
    "https-proxy-agent",
    "debug",
    "ms",
    "@aws-sdk",
    "@smithy",
    "@types",
    "undici-types",
    "tslib",
  ];
  return installPacked(source, "@agent-heartbeat/sdk", dependencies);
}

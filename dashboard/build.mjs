/** Builds the page into `dist`, unless `dist` was already built from the same sources. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));
const repository = join(root, "..");
const fingerprintFile = join(root, "dist", ".fingerprint");

/** Inputs of the build. The lock file stands for the npm packages. */
const SOURCES = ["core", "dashboard", "sdk/src", "package-lock.json"];
const IGNORED = /(^|\/)(dist|node_modules)(\/|$)/;

const fingerprint = fingerprintOf(SOURCES.flatMap(filesBelow));
if (readIfExists(fingerprintFile) !== fingerprint) {
  // Whoever builds, tests for one: a development build is larger, slower, and warns.
  process.env.NODE_ENV = "production";
  const { build } = await import("vite");
  await build({ configFile: join(root, "vite.config.mjs"), logLevel: "warn" });
  writeFileSync(fingerprintFile, fingerprint);
}

function fingerprintOf(files) {
  const hash = createHash("sha256");
  for (const file of files.sort()) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(repository, file)))
      .update("\0");
  }
  return hash.digest("hex");
}

function filesBelow(path) {
  if (path.endsWith(".json")) return [path];
  return readdirSync(join(repository, path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(repository.length + 1))
    .filter((file) => !IGNORED.test(file));
}

function readIfExists(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

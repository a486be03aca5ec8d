/** Builds the page into `dist`, unless `dist` was built from the same sources before. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));
const repository = join(root, "..");
const fingerprintFile = join(root, "dist", ".fingerprint");

/** Everything that the page is made of; the lock file stands for the packages. */
const SOURCES = ["dashboard", "sdk/src", "package-lock.json"];
const LEFT_OUT = /(^|\/)(dist|node_modules)(\/|$)/;

const fingerprint = fingerprintOf(SOURCES.flatMap(filesBelow));
if (readIfThere(fingerprintFile) !== fingerprint) {
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
    .filter((file) => !LEFT_OUT.test(file));
}

function readIfThere(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

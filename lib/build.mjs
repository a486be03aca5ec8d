/**
 * Builds the package into `dist`: the construct in one file with its types, the functions' code and the dashboard's page.
 * An app that installs it has nothing to bundle.
 */

import { execFile } from "node:child_process";
import { cp, mkdir, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const repository = dirname(root);
const dist = process.argv[2] ?? join(root, "dist");
const run = promisify(execFile);
const require = createRequire(import.meta.url);

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
await Promise.all([construct(), types(), assets()]);

async function construct() {
  await build({
    absWorkingDir: root,
    entryPoints: ["index.ts"],
    outfile: join(dist, "index.js"),
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    external: ["aws-cdk-lib", "constructs"],
    conditions: ["agent-heartbeat-prebuilt", "agent-heartbeat-source"],
    logLevel: "warning",
  });
}

/** In the folders of the repository, because the construct's declarations import some of `core`. */
async function types() {
  const outDir = join(dist, "types");
  const flags = ["-p", join(root, "tsconfig.types.json"), "--outDir", outDir];
  await run(process.execPath, [require.resolve("typescript/bin/tsc"), ...flags]).catch((error) => {
    throw new Error(`the types do not compile:\n${error.stdout ?? ""}`, { cause: error });
  });
}

/** The runbook, and the functions and the page from the builds that a checkout deploys. */
async function assets() {
  const source = ["--conditions=agent-heartbeat-source", "--import", "tsx"];
  await Promise.all([
    run(process.execPath, [...source, "lambda/build.ts", join(dist, "lambda")], {
      cwd: repository,
    }),
    run(process.execPath, [join(repository, "dashboard", "build.mjs")]),
  ]);
  await cp(join(repository, "docs", "runbook.md"), join(dist, "runbook.md"));
  await cp(join(repository, "dashboard", "dist"), join(dist, "dashboard"), {
    recursive: true,
    filter: (path) => !path.endsWith(".fingerprint"),
  });
}

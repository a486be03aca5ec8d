/**
 * Builds the package into `dist`: the local service with the assembly of the construct, its functions and the dashboard, and
 * the program of the demo's agents.
 */

import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const repository = dirname(root);
const dist = process.argv[2] ?? join(root, "dist");
const run = promisify(execFile);

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node20",
  minify: true,
  keepNames: true,
  mainFields: ["module", "main"],
  define: { IS_BUILT: "true" },
  conditions: ["agent-heartbeat-prebuilt", "agent-heartbeat-source", "module"],
  legalComments: "none",
  logLevel: "warning",
};

/** What a synthesis leaves for the CDK command line, and the dashboard's build for the next one. */
const UNUSED = /^(cdk\.out|functions|tree\.json|.*\.metadata\.json|asset\.\w+[/\\]\.fingerprint)$/;

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
await Promise.all([
  build({
    ...common,
    entryPoints: { index: "app/index.ts" },
    outdir: dist,
    outExtension: { ".js": ".mjs" },
    splitting: true,
    chunkNames: "chunk-[hash]",
    format: "esm",
    // Modules in CommonJS call `require`, and ours find the files beside them, which ES modules do otherwise.
    banner: {
      js: [
        'import { createRequire as requireFrom } from "node:module";',
        'import { dirname as directoryOf } from "node:path";',
        'import { fileURLToPath as pathOf } from "node:url";',
        "const require = requireFrom(import.meta.url);",
        "const __dirname = directoryOf(pathOf(import.meta.url));",
      ].join(" "),
    },
  }),
  build({
    ...common,
    entryPoints: { worker: "aws/functions/worker.ts", "demo-agent": "app/demo/agent.ts" },
    outdir: dist,
    outExtension: { ".js": ".cjs" },
    format: "cjs",
    // The client finds its thread by it, which no demo agent has.
    logOverride: { "empty-import-meta": "silent" },
  }),
  cp(join(root, "aws", "engine", "empty.db"), join(dist, "empty.db")),
  assembly(),
]);

async function assembly() {
  const directory = join(dist, "assembly");
  const { app, context } = JSON.parse(await readFile(join(repository, "cdk.json"), "utf8"));
  const settings = { CDK_OUTDIR: directory, CDK_CONTEXT_JSON: JSON.stringify(context) };
  await run("/bin/sh", ["-c", app], {
    cwd: repository,
    env: { ...process.env, ...settings, CDK_VALIDATION: "false" },
  });
  for (const name of await readdir(directory, { recursive: true })) {
    if (UNUSED.test(name)) await rm(join(directory, name), { recursive: true, force: true });
  }
}

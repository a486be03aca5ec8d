/** Builds the command into `dist`: one small file that starts at once, and what AWS needs in files loaded later. */

import { cp, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const outdir = process.argv[2] ?? join(root, "dist");

await rm(outdir, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: { main: "src/main.ts" },
  outdir,
  bundle: true,
  splitting: true,
  chunkNames: "chunk-[hash]",
  platform: "node",
  format: "esm",
  target: "node20",
  minify: true,
  keepNames: true,
  define: { IS_BUILT: "true" },
  conditions: ["agent-heartbeat-source", "module"],
  // The service of `local` is a package of its own.
  external: ["@agent-heartbeat/local"],
  mainFields: ["module", "main"],
  legalComments: "none",
  logLevel: "warning",
  // Packages in CommonJS call `require`, which ES modules lack.
  banner: {
    js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
  },
});
await cp(join(root, "..", "docs", "runbook.md"), join(outdir, "runbook.md"));

/**
 * Bundles all functions in one call of esbuild, for synthesis, the published construct, tests and benchmarks.
 *
 * As a program it takes the output directory as its argument.
 */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type BuildFailure, type BuildOptions, buildSync, type Metafile } from "esbuild";

const ROOT = join(__dirname, "..");

/** The folder of a function contains this file. */
const ENTRY = "entry.ts";

/** The esbuild options for code that runs in Lambda. */
export const BUNDLING = {
  absWorkingDir: ROOT,
  bundle: true,
  minify: true,
  platform: "node",
  format: "cjs",
  target: "node24",
  // Selects the AWS SDK's ES modules, from which esbuild can remove unused code. A package's `exports` have them under the
  // condition `module`, which esbuild no longer applies by default if other conditions are given.
  mainFields: ["module", "main"],
  conditions: ["agent-heartbeat-source", "module"],
  alias: { "@aws-sdk/credential-provider-node": join(__dirname, "shared", "credentials.ts") },
  logLevel: "silent",
} as const satisfies BuildOptions;

/** The names of all functions: their folders in `lambda`, sorted. */
export function functionNames(): string[] {
  return readdirSync(__dirname)
    .filter((folder) => existsSync(join(__dirname, folder, ENTRY)))
    .sort();
}

/**
 * Bundles every function into `<directory>/<name>/index.js`, which exports `handler`. Nothing is cached, so a bundle is never
 * older than its source.
 *
 * @returns esbuild's metafile
 * @throws Error in one sentence that names the place in the source, if a build fails
 */
export function buildFunctions(directory: string): Metafile {
  const entries = functionNames().map((name) => [name, join(__dirname, name, ENTRY)]);
  try {
    const { metafile } = buildSync({
      ...BUNDLING,
      entryPoints: Object.fromEntries(entries),
      outdir: directory,
      entryNames: "[name]/index",
      metafile: true,
    });
    return metafile;
  } catch (cause) {
    throw new Error(`The functions can't be built: ${firstError(cause as Error)}`, { cause });
  }
}

/** The first error that esbuild reported, with its place. */
function firstError(error: Error & Partial<BuildFailure>): string {
  const [first, ...more] = error.errors ?? [];
  if (!first) return error.message;
  const { text, location } = first;
  const place = location ? `${location.file}:${location.line}:${location.column + 1}: ` : "";
  return `${place}${text}${more.length > 0 ? ` (and ${more.length} more)` : ""}`;
}

if (require.main === module) {
  const [directory] = process.argv.slice(2);
  if (directory === undefined) throw new Error("expected a directory to build into, got none");
  buildFunctions(directory);
}

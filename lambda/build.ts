/**
 * Bundles the functions: every one in a single call of esbuild, for whoever needs their code. An app that is
 * synthesized, the published construct, tests and benchmarks all get these bundles.
 *
 * As a program it takes the directory to build into.
 */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type BuildFailure, type BuildOptions, buildSync, type Metafile } from "esbuild";

const ROOT = join(__dirname, "..");

/** A folder that has this file is a function's. */
const ENTRY = "entry.ts";

/** How code that runs in Lambda is bundled. */
export const BUNDLING = {
  absWorkingDir: ROOT,
  bundle: true,
  minify: true,
  platform: "node",
  format: "cjs",
  target: "node24",
  // The SDK's ES modules, of which esbuild leaves out what is not used. A package's `exports` have them
  // under the condition `module`, which esbuild drops as soon as another condition is named.
  mainFields: ["module", "main"],
  conditions: ["agent-heartbeat-source", "module"],
  alias: { "@aws-sdk/credential-provider-node": join(__dirname, "shared", "credentials.ts") },
  logLevel: "silent",
} as const satisfies BuildOptions;

/** The names of all functions, in order: those of their folders in `lambda`. */
export function functionNames(): string[] {
  return readdirSync(__dirname)
    .filter((folder) => existsSync(join(__dirname, folder, ENTRY)))
    .sort();
}

/**
 * Bundles every function into `<directory>/<name>/index.js`, which exports `handler`. Nothing is kept from an
 * earlier build, so that a bundle is never older than its source.
 *
 * @returns what esbuild says of the bundles
 * @throws Error in one sentence that names the place in the source, if one does not build
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
    throw new Error(`The functions can't be built: ${complaintOf(cause as Error)}`, { cause });
  }
}

/** The first fault that esbuild found, with its place. */
function complaintOf(error: Error & Partial<BuildFailure>): string {
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

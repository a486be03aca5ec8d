/**
 * The worker's program as JavaScript, since a worker thread does not use this process's TypeScript
 * loader.
 */

import { join } from "node:path";
import { buildSync } from "esbuild";

let source: string | undefined;

/** Bundles the worker once per process. */
export function workerSource(): string {
  source ??= buildSync({
    entryPoints: [join(__dirname, "..", "worker.ts")],
    bundle: true,
    platform: "node",
    format: "cjs",
    write: false,
    logLevel: "silent",
  }).outputFiles[0]?.text;
  return source as string;
}

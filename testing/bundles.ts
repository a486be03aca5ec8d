/** Bundles the functions as the construct does, and tells what is in each bundle. */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { bundlingIn } from "../lib/assets/from-sources";

const ROOT = join(__dirname, "..");
const FEATURES = join(ROOT, "lambda");

export interface Bundle {
  /** The name of the function's entry. */
  entry: string;
  bytes: number;
  /** Files of this repository. */
  own: string[];
  /** Packages, as in `jose`, with the bytes of each. */
  packages: Map<string, number>;
}

/** The names of all functions, in order: each has an entry in its folder. */
export function functionEntries(): string[] {
  return readdirSync(FEATURES)
    .filter((feature) => existsSync(join(FEATURES, feature, "entry.ts")))
    .sort();
}

export async function bundleOf(entry: string): Promise<Bundle> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [join(FEATURES, entry, "entry.ts")],
    outfile: "index.js",
    write: false,
    bundle: true,
    platform: "node",
    format: "cjs",
    minify: true,
    ...bundlingIn(ROOT),
    metafile: true,
    logLevel: "error",
  });
  const output = metafile.outputs["index.js"];
  if (!output) throw new Error(`${entry} gives no bundle`);
  const packages = new Map<string, number>();
  const own: string[] = [];
  for (const [file, { bytesInOutput }] of Object.entries(output.inputs)) {
    if (bytesInOutput === 0) continue;
    const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1];
    if (name === undefined) own.push(file);
    else packages.set(name, (packages.get(name) ?? 0) + bytesInOutput);
  }
  return { entry, bytes: output.bytes, own, packages };
}

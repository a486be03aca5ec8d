/** Bundles the functions like the construct, and reports the contents of each bundle. */

import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { bundlingIn } from "../lib/assets/from-sources";

const ROOT = join(__dirname, "..");
const ENTRIES = join(ROOT, "lambda", "entry");
/** What makes a file there a function's; the others are what functions are composed of. */
const HANDLER = /^export const handler\b/m;

export interface Bundle {
  /** The name of the function's entry. */
  entry: string;
  bytes: number;
  /** Files of this repository. */
  own: string[];
  /** Packages, as in `jose`, with the bytes of each. */
  packages: Map<string, number>;
}

/** The names of all functions, sorted. */
export function functionEntries(): string[] {
  return readdirSync(ENTRIES)
    .filter((file) => HANDLER.test(readFileSync(join(ENTRIES, file), "utf8")))
    .map((file) => basename(file, ".ts"))
    .sort();
}

export async function bundleOf(entry: string): Promise<Bundle> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [join(ENTRIES, `${entry}.ts`)],
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

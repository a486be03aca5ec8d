/** Bundles the functions like the construct, and reports the contents of each bundle. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { Metafile } from "esbuild";
import { buildFunctions, functionNames } from "../lambda/build";

const ROOT = join(__dirname, "..");

export interface Bundle {
  /** The name of the function's entry. */
  entry: string;
  bytes: number;
  /** Files of this repository. */
  own: string[];
  /** Packages, as in `jose`, with the bytes of each. */
  packages: Map<string, number>;
}

/** All of them, by the one call that builds them. */
export function bundles(): Bundle[] {
  const directory = mkdtempSync(join(tmpdir(), "agent-heartbeat-bundles-"));
  try {
    const { outputs } = buildFunctions(directory);
    return functionNames().map((entry) => {
      const output = outputs[relative(ROOT, join(directory, entry, "index.js"))];
      if (!output) throw new Error(`${entry} gives no bundle`);
      return bundleOf(entry, output);
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function bundleOf(entry: string, output: Metafile["outputs"][string]): Bundle {
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

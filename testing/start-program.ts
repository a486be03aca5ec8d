/** The program of `npm start` in one file, which starts five times faster than its sources. */

import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { build, type Plugin, stop } from "esbuild";

const ROOT = join(__dirname, "..");

/** Its sources as they stand, for tests of what starts them. */
export const FROM_SOURCES: readonly string[] = [
  "--conditions=agent-heartbeat-source",
  "--import",
  join(ROOT, "bin", "typescript.mjs"),
  join(ROOT, "local", "app", "main.ts"),
];

/** Where it finds the packages that can't be in the file: a bundler, and the engine's executable. */
export const PACKAGES = { NODE_PATH: join(ROOT, "node_modules") };

/** Modules find files beside their sources, as they do without bundling. */
const directories: Plugin = {
  name: "directories",
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const directory = JSON.stringify(dirname(path));
      const source = await readFile(path, "utf8");
      return { contents: `const __dirname = ${directory};\n${source}`, loader: "ts" };
    }),
};

/** @returns the path of the program, which needs the environment `PACKAGES` */
export async function bundleStart(directory: string): Promise<string> {
  const outfile = join(directory, "start.cjs");
  await build({
    absWorkingDir: ROOT,
    entryPoints: ["local/app/main.ts"],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    conditions: ["agent-heartbeat-source"],
    external: ["esbuild", "@dynoxide/*"],
    plugins: [directories],
    logLevel: "silent",
  });
  // Its process would outlive the tests.
  await stop();
  return outfile;
}

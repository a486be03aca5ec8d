/** `agent-heartbeat local` in a few files, as the packages have it, which starts five times faster than its sources. */

import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildOptions, build, stop } from "esbuild";

const ROOT = join(__dirname, "..");

/** Its sources as they stand, for tests of what starts them. */
export const FROM_SOURCES: readonly string[] = [
  "--conditions=agent-heartbeat-source",
  "--import",
  join(ROOT, "bin", "typescript.mjs"),
  join(ROOT, "cli", "src", "main.ts"),
  "local",
];

/** Where it finds the engine's executable, which can't be in a bundle. */
export const PACKAGES = { NODE_PATH: join(ROOT, "node_modules") };

/** @returns the path of the program, which needs the environment `PACKAGES`, and has no app of its own */
export async function bundleStart(directory: string): Promise<string> {
  const common: BuildOptions = {
    absWorkingDir: ROOT,
    bundle: true,
    platform: "node",
    target: "node20",
    mainFields: ["module", "main"],
    conditions: ["agent-heartbeat-prebuilt", "agent-heartbeat-source", "module"],
    logLevel: "silent",
  };
  const program = join(directory, "start.mjs");
  await Promise.all([
    build({
      ...common,
      entryPoints: ["cli/src/main.ts"],
      outfile: program,
      format: "esm",
      banner: {
        js: [
          'import { createRequire as requireFrom } from "node:module";',
          "const require = requireFrom(import.meta.url);",
          `const __dirname = ${JSON.stringify(directory)};`,
        ].join(" "),
      },
    }),
    build({
      ...common,
      entryPoints: ["local/aws/functions/worker.ts"],
      outfile: join(directory, "worker.cjs"),
      format: "cjs",
    }),
    copyFile(join(ROOT, "local", "aws", "engine", "empty.db"), join(directory, "empty.db")),
  ]);
  // Its process would outlive the tests.
  await stop();
  return program;
}

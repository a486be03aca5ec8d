/** The code of the functions and the dashboard's page, built from this repository when an app is synthesized. */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { AssetStaging, Stack, type Stage } from "aws-cdk-lib";
import { Code } from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import { buildFunctions } from "../../lambda/build";

const ROOT = join(__dirname, "..", "..");
const BUILD = join(ROOT, "dashboard", "build.mjs");
const PAGE = join(ROOT, "dashboard", "dist");
/** Used in place of the builds where nothing is bundled, as in tests of the template. */
const UNBUILT = {
  functions: join(ROOT, "lambda", "heartbeat"),
  page: join(ROOT, "dashboard", "src"),
};

/** The directory of each app's functions, which are built once, however many stacks it has. */
const built = new WeakMap<Stage, string>();

/**
 * The code of a function, which exports `index.handler`.
 *
 * @param entry the name of its folder in `lambda`
 * @throws Error in one sentence, if the functions can't be built
 */
export function functionCode(scope: Construct, entry: string): Code {
  if (!Stack.of(scope).bundlingRequired) return Code.fromAsset(UNBUILT.functions);
  const app = scope.node.root as Stage;
  let directory = built.get(app);
  if (directory === undefined) {
    // Inside the assembly, so that it is removed with it, and no other app writes there.
    directory = join(app.outdir, "functions");
    buildFunctions(directory);
    // CDK caches the hash of a directory by its path for the lifetime of this process.
    AssetStaging.clearAssetHashCache();
    built.set(app, directory);
  }
  return Code.fromAsset(join(directory, entry));
}

/**
 * The directory of the dashboard's page, built unless it is up to date.
 *
 * @throws Error with the output of the build, if it fails
 */
export function dashboardPage(scope: Construct): string {
  if (!Stack.of(scope).bundlingRequired) return UNBUILT.page;
  const { status, stderr, error } = spawnSync(process.execPath, [BUILD], {
    stdio: ["ignore", "inherit", "pipe"],
    encoding: "utf8",
  });
  if (status === 0) return PAGE;
  throw new Error(`the dashboard can't be built: ${stderr || error?.message}`, { cause: error });
}

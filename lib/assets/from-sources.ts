/** The code of the functions and the dashboard's page, built from this repository when an app is synthesized. */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { Stack } from "aws-cdk-lib";
import { type NodejsFunctionProps, OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";
import type { Construct } from "constructs";

const ROOT = join(__dirname, "..", "..");
const BUILD = join(ROOT, "dashboard", "build.mjs");
const PAGE = join(ROOT, "dashboard", "dist");
/** Stands in for the page where nothing is bundled, as in tests of the template. */
const SOURCES = join(ROOT, "dashboard", "src");

/** How esbuild bundles a function. The benchmark bundles what it compares with in the same way. */
export const bundlingIn = (root: string) => ({
  target: "node24",
  // The SDK's ES modules, of which esbuild leaves out what is not used. A package's `exports` have them
  // under the condition `module`, which esbuild drops as soon as another condition is named.
  mainFields: ["module", "main"],
  conditions: ["agent-heartbeat-source", "module"],
  alias: { "@aws-sdk/credential-provider-node": join(root, "lambda/shared/credentials.ts") },
});

const BUNDLING = bundlingIn(ROOT);

/**
 * What makes a function's code.
 *
 * @param entry the name of its folder in `lambda`
 */
export function functionCode(entry: string): NodejsFunctionProps {
  return {
    entry: join(ROOT, "lambda", entry, "entry.ts"),
    projectRoot: ROOT,
    depsLockFilePath: join(ROOT, "package-lock.json"),
    bundling: {
      format: OutputFormat.CJS,
      target: BUNDLING.target,
      minify: true,
      mainFields: BUNDLING.mainFields,
      // The versions that were tested, and a faster start than with the runtime's own copy.
      bundleAwsSDK: true,
      esbuildArgs: {
        "--conditions": BUNDLING.conditions.join(","),
        ...Object.fromEntries(
          Object.entries(BUNDLING.alias).map(([from, to]) => [`--alias:${from}`, to]),
        ),
      },
    },
  };
}

/**
 * The directory of the dashboard's page, built unless it is there and up to date.
 *
 * @throws Error with the words of the build, if it fails
 */
export function dashboardPage(scope: Construct): string {
  if (!Stack.of(scope).bundlingRequired) return SOURCES;
  const { status, stderr, error } = spawnSync(process.execPath, [BUILD], {
    stdio: ["ignore", "inherit", "pipe"],
    encoding: "utf8",
  });
  if (status === 0) return PAGE;
  throw new Error(`the dashboard can't be built: ${stderr || error?.message}`, { cause: error });
}

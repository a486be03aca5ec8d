/** The context of CDK apps in tests: the feature flags of deployments, and no bundling. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const CDK_JSON = join(__dirname, "../cdk.json");

/** The context in cdk.json. */
export const featureFlags = (): Record<string, unknown> =>
  (JSON.parse(readFileSync(CDK_JSON, "utf8")) as { context: Record<string, unknown> }).context;

/** Skips bundling. The tests of the local runtime run the bundles. */
export const NOTHING_BUNDLED: Record<string, unknown> = { "aws:cdk:bundling-stacks": [] };

export const testContext = () => ({ ...featureFlags(), ...NOTHING_BUNDLED });

/** The stack trace of each construct takes longer than its construction, and tests read no tree. */
const UNREAD = { "aws:cdk:disable-creation-stack-traces": true };

let assemblies: string | undefined;

/**
 * The props of an app in a test. Its assembly is removed with the test file, or with the process outside of jest. CDK would
 * remove its own temporary assembly only with the process, which for a jest worker is too late.
 */
export function appProps(context: Record<string, unknown> = testContext()) {
  assemblies ??= mkdtempSync(join(tmpdir(), "assemblies-"));
  return {
    context: { ...context, ...UNREAD },
    outdir: mkdtempSync(join(assemblies, "cdk.out-")),
    treeMetadata: false,
  };
}

function removeAssemblies(): void {
  if (assemblies !== undefined) rmSync(assemblies, { recursive: true, force: true });
}

const { afterAll } = globalThis as { afterAll?: (work: () => void) => void };
if (afterAll) afterAll(removeAssemblies);
else process.once("exit", removeAssemblies);

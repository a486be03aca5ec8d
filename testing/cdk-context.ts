/** The context of CDK apps in tests: the feature flags of deployments, and no bundling. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

const CDK_JSON = join(__dirname, "../cdk.json");

/** The context in cdk.json. */
export const featureFlags = (): Record<string, unknown> =>
  (JSON.parse(readFileSync(CDK_JSON, "utf8")) as { context: Record<string, unknown> }).context;

/** Skips bundling. The tests of the local runtime run the bundles. */
export const NOTHING_BUNDLED: Record<string, unknown> = { "aws:cdk:bundling-stacks": [] };

export const testContext = () => ({ ...featureFlags(), ...NOTHING_BUNDLED });

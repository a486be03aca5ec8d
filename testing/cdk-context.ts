/** The context of an app in a test: the feature flags that deployments have, and nothing bundled. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

const CDK_JSON = join(__dirname, "../cdk.json");

/** What cdk.json gives to the app. */
export const featureFlags = (): Record<string, unknown> =>
  (JSON.parse(readFileSync(CDK_JSON, "utf8")) as { context: Record<string, unknown> }).context;

/** The bundling of the functions is skipped: the local runtime's tests run the bundles. */
export const NOTHING_BUNDLED: Record<string, unknown> = { "aws:cdk:bundling-stacks": [] };

export const testContext = () => ({ ...featureFlags(), ...NOTHING_BUNDLED });

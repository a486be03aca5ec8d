/** The feature flags of cdk.json: they are the recommended ones, and change no logical ids. */

import { describe, expect, it } from "@jest/globals";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import recommended from "aws-cdk-lib/recommended-feature-flags.json";
import { AgentHeartbeatStack } from "../../lib/agent-heartbeat-stack";
import { appProps, featureFlags, NOTHING_BUNDLED, testContext } from "../../testing/cdk-context";

describe("the feature flags", () => {
  it("are all that the pinned CDK version recommends for new apps", () => {
    expect(featureFlags()).toEqual(recommended);
  });

  it("change no logical id, so that an app with other flags can use the construct", () => {
    const resources = (context: Record<string, unknown>) => {
      const stack = new AgentHeartbeatStack(new App(appProps(context)), "Test");
      const { Resources } = Template.fromStack(stack).toJSON();
      return Object.entries(Resources as Record<string, { Type: string }>)
        .map(([id, { Type }]) => `${Type} ${id}`)
        .sort();
    };
    expect(resources(testContext())).toEqual(resources(NOTHING_BUNDLED));
  });
});

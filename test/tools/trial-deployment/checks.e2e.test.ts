/** Runs the checks of a first deployment on the local runtime, which behaves as expected of AWS. */

import { describe, expect, it } from "@jest/globals";
import { openTarget } from "../../../testing/e2e/target";
import { type Answer, type Metrics, runChecks } from "../../../tools/trial-deployment/checks";

/** CloudWatch's responses if everything is as expected. */
const metrics: Metrics = {
  gatewayDimensions: async () => ["ConnectCount: ApiId, Stage", "MessageCount: ApiId, Stage"],
  disconnects: async () => 0,
  nextMinute: async () => 0,
};

describe("the checks of a first deployment", () => {
  const outcomes = async (asked: Metrics | undefined) => {
    const target = openTarget();
    try {
      const organizationId = `checks-${Math.random().toString(36).slice(2)}`;
      const answers = await runChecks({ target, organizationId, metrics: asked });
      return Object.fromEntries(answers.map(({ name, outcome }: Answer) => [name, outcome]));
    } finally {
      target.close();
    }
  };

  it("find what is expected", async () => {
    expect(await outcomes(metrics)).toEqual({
      "header-case": "as expected",
      "empty-frames": "as expected",
      // The suite's stack has limits that a slow sender does not reach: test/local/aws/gateway tests throttling.
      "throttled-messages": expect.stringMatching(/^(as expected|otherwise)$/),
      "clock-skew": "as expected",
      "disconnect-after-refusal": "as expected",
      "metric-dimensions": "as expected",
    });
  });

  it("report differences and unknowns", async () => {
    const strange = {
      ...metrics,
      gatewayDimensions: async () => ["ConnectCount: ApiId"],
      disconnects: async () => 3,
    };
    expect(await outcomes(strange)).toMatchObject({
      "disconnect-after-refusal": "otherwise",
      "metric-dimensions": "otherwise",
    });
    expect(await outcomes(undefined)).toMatchObject({
      "disconnect-after-refusal": "not asked",
      "metric-dimensions": "not asked",
    });
  });
});

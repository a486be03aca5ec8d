/** The report of a trial: its content, and what it must not contain. */

import { describe, expect, it } from "@jest/globals";
import { reportOf, type Trial } from "../../../tools/trial-deployment/report";

const trial: Trial = {
  at: Date.UTC(2026, 10, 26),
  region: "eu-west-1",
  on: "AWS",
  deployedInMs: 301_000,
  suite: { passed: 52, failed: ["messaging | reaches 200 agents"], skipped: [] },
  answers: [
    {
      name: "throttled-messages",
      outcome: "otherwise",
      found:
        'refused by {"message":"Too Many Requests","connectionId":"abc=","requestId":"r1"} of wss://a1b2.execute-api.eu-west-1.amazonaws.com/prod of 123456789012',
    },
  ],
  usd: 0.0123,
  clean: true,
};

describe("the report of a trial", () => {
  const report = reportOf(trial, { "aws-cdk-lib": "2.0.0" });

  it("contains time, place, versions, results, cost, and remaining resources", () => {
    for (const line of [
      "| date | 2026-11-26 |",
      "| region | eu-west-1 |",
      "| versions | aws-cdk-lib 2.0.0 |",
      "| deployed in | 301 s |",
      "| tests | 52 passed, 1 failed, 0 left out |",
      "| left behind | nothing |",
      "- messaging \\| reaches 200 agents",
    ]) {
      expect(report).toContain(line);
    }
    expect(report).toMatch(/\| cost \| \$0\.01/);
  });

  it("contains each check with the expected and the actual result", () => {
    expect(report).toMatch(
      /\| throttled-messages \| an open connection that is throttled .* \| otherwise \| refused by/,
    );
  });

  it("contains no account, address or connection", () => {
    expect(report).not.toMatch(/123456789012|a1b2|abc=|r1"/);
  });
});

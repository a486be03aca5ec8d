/** Checks that a trial deployment leaves nothing behind, wherever it fails. */

import { beforeEach, describe, expect, it } from "@jest/globals";
import type { Removal } from "../../../tools/trial-deployment/stack";
import { runTrial, type TrialSteps } from "../../../tools/trial-deployment/trial";

const LEFT = { type: "AWS::S3::Bucket", logicalId: "Page", id: "page-1", left: true };

describe("a trial", () => {
  let calls: string[];
  let lines: string[];
  beforeEach(() => {
    calls = [];
    lines = [];
  });

  const steps = (overrides: Partial<TrialSteps> = {}): TrialSteps => ({
    deploy: async () => void calls.push("deploy"),
    use: async () => calls.push("use") > 0,
    remove: async (): Promise<Removal> => {
      calls.push("remove");
      return { removed: [], left: [] };
    },
    account: async () => void calls.push("account"),
    log: (line) => void lines.push(line),
    ...overrides,
  });
  const run = (overrides?: Partial<TrialSteps>, keep = false) =>
    runTrial(steps(overrides), { keep, stackName: "Trial-1" });
  const failing = (message: string) => async () => {
    throw new Error(message);
  };

  it("deploys, tests, removes, and then reports the cost", async () => {
    expect(await run()).toBe(true);
    expect(calls).toEqual(["deploy", "use", "remove", "account"]);
  });

  it("removes a partial deployment and fails with its error", async () => {
    await expect(run({ deploy: failing("no quota") })).rejects.toThrow("no quota");
    expect(calls).toEqual(["remove"]);
  });

  it("removes everything if interrupted during the tests", async () => {
    await expect(run({ use: failing("it was interrupted") })).rejects.toThrow("interrupted");
    expect(calls).toEqual(["deploy", "remove"]);
  });

  it("removes everything after failed tests, and reports failure", async () => {
    expect(await run({ use: async () => false })).toBe(false);
    expect(calls).toEqual(["deploy", "remove", "account"]);
  });

  it("names resources that could not be removed, and reports failure", async () => {
    const removal = { removed: [], left: [LEFT] };
    expect(await run({ remove: async () => removal })).toBe(false);
    expect(lines.join("\n")).toContain("AWS::S3::Bucket page-1");
  });

  it("keeps the stack on request, and prints how to remove it", async () => {
    expect(await run({}, true)).toBe(true);
    expect(calls).toEqual(["deploy", "use", "account"]);
    expect(lines.join("\n")).toContain("--remove Trial-1");
  });
});

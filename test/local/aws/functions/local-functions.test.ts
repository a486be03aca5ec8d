import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { Concurrency } from "../../../../local/aws/functions/concurrency";
import { LocalFunctions } from "../../../../local/aws/functions/local-functions";
import type { FunctionDescription } from "../../../../local/aws/resources/function";
import { FakeClock } from "../../../../testing/local-clock";

const described = ["Heartbeat", "HeartbeatHttp", "Sweep"].map(
  (name): FunctionDescription => ({
    logicalId: name,
    name,
    arn: `arn:aws:lambda:us-east-1:000000000000:function:${name}`,
    directory: join(__dirname, "missing"),
    handler: "index.handler",
    environment: {},
    timeoutMs: 1000,
    memoryMb: 128,
    logFormat: "JSON",
    logLevel: "INFO",
  }),
);

const functions = new LocalFunctions(described, {
  environment: {},
  clock: new FakeClock(),
  log: () => {},
  concurrency: new Concurrency(10, described),
});

const found = (name: string) => functions.of(name).description.name;

describe("a stack's functions", () => {
  it.each([
    ["its name", "Sweep"],
    ["its ARN", "arn:aws:lambda:us-east-1:000000000000:function:Sweep"],
    ["a part of its name that no other has", "wee"],
  ])("include one that is found by %s", (_, name) => {
    expect(found(name)).toBe("Sweep");
  });

  it("are found by a whole name before a part of another's", () => {
    expect(found("Heartbeat")).toBe("Heartbeat");
  });

  it("are all named if a part fits several, or none", () => {
    const all = "Heartbeat, HeartbeatHttp, Sweep";
    expect(() => found("Heart")).toThrow(`Expected one function "Heart", got 2 of ${all}`);
    expect(() => found("List")).toThrow(`Expected one function "List", got 0 of ${all}`);
  });

  it("that can't be loaded are left out, if that is allowed", async () => {
    await expect(functions.warm()).rejects.toThrow();
    const problems: string[] = [];
    await functions.warm((problem) => problems.push(problem));
    expect(problems).toHaveLength(described.length);
    expect(problems.join()).toContain("Sweep can't be loaded: ");
    await functions.stop();
  });
});

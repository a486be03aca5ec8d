import { describe, expect, it } from "@jest/globals";
import { AsyncInvocations } from "../../../../local/aws/functions/async-invocations";
import { FunctionThrottled } from "../../../../local/aws/functions/concurrency";
import type { AsyncRetries } from "../../../../local/aws/resources/event-invoke-config";
import { FakeClock } from "../../../../testing/local-clock";

const ARN = "arn:aws:lambda:us-east-1:000000000000:function:Sweep";

/** Invokes a function with the given results, and records the times of its calls, in seconds since the first one. */
function invokeAsync(answer: (call: number) => unknown, retries?: AsyncRetries) {
  const clock = new FakeClock();
  const begunAt = clock.now();
  const calls: number[] = [];
  const problems: string[] = [];
  const invocations = new AsyncInvocations({
    functionOf: () => ({
      invoke: async () => {
        calls.push((clock.now() - begunAt) / 1000);
        return answer(calls.length);
      },
    }),
    clock,
    retries: new Map(retries && [["Sweep", retries]]),
  });
  invocations.invoke(ARN, {}, (problem) => problems.push(problem));
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      // A failure schedules its next attempt in a later turn.
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(1000);
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { calls, problems, pass, invocations };
}

const fail = () => {
  throw new Error("broken");
};
const throttle = () => {
  throw new FunctionThrottled("Sweep", "ConcurrentInvocationLimitExceeded");
};

describe("an asynchronous event", () => {
  it("is retried after one and two minutes if the function fails", async () => {
    const { calls, problems, pass } = invokeAsync(fail);
    await pass(400);
    expect(calls).toEqual([0, 60, 180]);
    expect(problems).toEqual([
      "broken",
      "broken",
      "broken",
      "the event is given up, for it failed too often",
    ]);
  });

  it("is retried as often as the function's configuration says", async () => {
    const { calls, pass } = invokeAsync(fail, { maxRetries: 0, maxAgeMs: 3_600_000 });
    await pass(400);
    expect(calls).toEqual([0]);
  });

  it("is retried at growing intervals while the function is throttled, which does not count as a failure", async () => {
    const { calls, pass } = invokeAsync((call) => (call < 6 ? throttle() : undefined), {
      maxRetries: 0,
      maxAgeMs: 3_600_000,
    });
    await pass(100);
    expect(calls).toEqual([0, 1, 3, 7, 15, 31]);
  });

  it("is discarded when it is older than the function's configuration allows", async () => {
    const { calls, problems, pass } = invokeAsync(throttle, { maxRetries: 2, maxAgeMs: 60_000 });
    await pass(100);
    expect(calls).toEqual([0, 1, 3, 7, 15, 31]);
    expect(problems.at(-1)).toBe("the event is given up, for it is too old");
  });

  it("is discarded when the runtime stops", async () => {
    const { calls, pass, invocations } = invokeAsync(fail);
    await pass(1);
    invocations.stop();
    await pass(100);
    expect(calls).toEqual([0]);
  });
});

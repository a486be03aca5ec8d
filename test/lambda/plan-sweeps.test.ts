import type { SendMessageBatchCommand } from "@aws-sdk/client-sqs";
import { describe, expect, it } from "@jest/globals";
import { planSweepsHandler } from "../../lambda/plan-sweeps/handler";

describe("the planner of sweeps", () => {
  const planned: SendMessageBatchCommand["input"][] = [];
  const planner = (intervalSeconds: number, answer: object = {}) =>
    planSweepsHandler({
      queue: {
        send: async ({ input }: SendMessageBatchCommand) => {
          planned.push(input);
          return answer;
        },
      } as never,
      queueUrl: "https://queue",
      intervalSeconds,
    });

  it.each([
    [10, [0, 10, 20, 30, 40, 50]],
    [30, [0, 30]],
  ])("plans a minute of sweeps every %i s in one call", async (intervalSeconds, delays) => {
    planned.length = 0;
    await planner(intervalSeconds)();
    expect(planned).toHaveLength(1);
    expect(planned[0]?.QueueUrl).toBe("https://queue");
    expect(planned[0]?.Entries?.map(({ DelaySeconds }) => DelaySeconds)).toEqual(delays);
    expect(new Set(planned[0]?.Entries?.map(({ Id }) => Id)).size).toBe(delays.length);
  });

  it("fails if the queue takes not all, so that it is counted as an error, and tried again", async () => {
    const refused = { Failed: [{ Id: "1", Message: "throttled" }] };
    await expect(planner(30, refused)()).rejects.toThrow(
      "1 of 2 sweeps are not planned: throttled",
    );
  });
});

import { describe, expect, it } from "@jest/globals";
import { repeatedSweep } from "../../../lambda/sweep/repeat";

const TIMEOUT_MS = 300_000;

/** Runs one invocation whose passes take `passMs` each. Returns the start of each pass. */
async function starts(
  intervalMs: number,
  passMs: number,
  { fails = [] as number[], timeoutMs = TIMEOUT_MS } = {},
) {
  let now = 1_000_000;
  const begin = now;
  const began: number[] = [];
  const handler = repeatedSweep(
    async () => {
      began.push(now - begin);
      now += passMs;
      if (fails.includes(began.length)) throw new Error(`pass ${began.length}`);
      return began.length;
    },
    {
      intervalMs,
      clock: () => now,
      sleep: async (ms) => {
        now += ms;
      },
      reserveMs: 15_000,
    },
  );
  const context = { getRemainingTimeInMillis: () => begin + timeoutMs - now };
  const outcome = await handler({}, context).catch((error: Error) => error.message);
  return { began, outcome };
}

describe("a sweep that is repeated within a minute", () => {
  it.each([
    [10_000, [0, 10_000, 20_000, 30_000, 40_000, 50_000]],
    [15_000, [0, 15_000, 30_000, 45_000]],
    [30_000, [0, 30_000]],
    [60_000, [0]],
    [300_000, [0]],
  ])("with an interval of %d ms runs at %j", async (intervalMs, expected) => {
    expect((await starts(intervalMs, 500)).began).toEqual(expected);
  });

  it("starts late after a pass longer than the interval, and skips none", async () => {
    expect((await starts(10_000, 24_000)).began).toEqual([0, 24_000, 48_000]);
  });

  it("begins no pass that the function has no time for", async () => {
    const { began } = await starts(10_000, 500, { timeoutMs: 40_000 });
    expect(began).toEqual([0, 10_000, 20_000]);
  });

  it("continues after a failed pass, and fails at the end", async () => {
    const { began, outcome } = await starts(20_000, 500, { fails: [1] });
    expect(began).toEqual([0, 20_000, 40_000]);
    expect(outcome).toBe("pass 1");
  });

  it("returns the result of its last pass", async () => {
    expect((await starts(30_000, 500)).outcome).toBe(2);
  });
});

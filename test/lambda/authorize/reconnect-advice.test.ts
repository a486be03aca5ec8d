import { beforeEach, describe, expect, it } from "@jest/globals";
import { ReconnectAdvice } from "../../../lambda/authorize/reconnect-advice";
import { reconnectWindowMs } from "../../../lambda/authorize/reconnect-window";
import type { FleetCount } from "../../../lambda/shared/fleet-size";
import { LogRecorder } from "../../../testing/presence";

const MINUTE = 60_000;

describe("the reconnect window", () => {
  it.each([1_000, 2_345, 10_000, 99_999, 1_000_000])(
    "is the time that the quota requires for %d agents, and at most a tenth more",
    (agents) => {
      const optimumMs = agents * 2;
      const ratio = reconnectWindowMs(agents, 500) / optimumMs;
      expect(ratio).toBeGreaterThanOrEqual(1.05);
      expect(ratio).toBeLessThan(1.103);
    },
  );

  it("is shorter with a higher quota", () => {
    expect(reconnectWindowMs(100_000, 5_000)).toBe(reconnectWindowMs(10_000, 500));
  });

  it("reveals the fleet's size only to within 5 %", () => {
    const windows = new Set<number>();
    for (let agents = 100_000; agents < 200_000; agents += 100) {
      windows.add(reconnectWindowMs(agents, 500));
    }
    expect(windows.size).toBeLessThanOrEqual(Math.ceil(Math.log(2) / Math.log(1.05)) + 1);
  });

  it.each([0, 1, 470, Number.NaN, -5])("is 0 for %d agents", (agents) => {
    expect(reconnectWindowMs(agents, 500)).toBe(0);
  });
});

describe("the window that a login receives", () => {
  let reads: number;
  let answer: () => Promise<Partial<FleetCount> | undefined>;
  let log: LogRecorder;
  beforeEach(() => {
    reads = 0;
    log = new LogRecorder();
    answer = async () => ({ online: 0, peak: 10_000 });
  });

  const advice = (maxWindowMs = 3_600_000) =>
    new ReconnectAdvice({
      fleet: {
        get: () => {
          reads += 1;
          return answer() as Promise<FleetCount | undefined>;
        },
      },
      connectsPerSecond: 500,
      maxWindowMs,
      log,
    });

  it("is based on the recent maximum of agents online", async () => {
    expect(await advice().windowMs(0)).toBe(reconnectWindowMs(10_000, 500));
  });

  it("reads the count once a minute, however many log in", async () => {
    const one = advice();
    await Promise.all([0, 1, 30_000, MINUTE - 1].map((now) => one.windowMs(now)));
    expect(reads).toBe(1);
    answer = async () => ({ peak: 20_000 });
    expect(await one.windowMs(MINUTE)).toBe(reconnectWindowMs(20_000, 500));
    expect(reads).toBe(2);
  });

  it("keeps the last count while the count can't be read", async () => {
    const one = advice();
    const before = await one.windowMs(0);
    answer = () => Promise.reject(new Error("throttled"));
    expect(await one.windowMs(MINUTE)).toBe(before);
    expect(await one.windowMs(MINUTE + 1)).toBe(before);
    expect(reads).toBe(2);
    expect(JSON.stringify(log.lines)).toContain("throttled");
  });

  it("is 0 before the first sweep", async () => {
    answer = async () => undefined;
    expect(await advice().windowMs(0)).toBe(0);
  });

  it("is never longer than the deployment's maximum", async () => {
    expect(await advice(5_000).windowMs(0)).toBe(5_000);
  });

  it("is 0, without a read, if the deployment turns it off", async () => {
    expect(await advice(0).windowMs(0)).toBe(0);
    expect(reads).toBe(0);
  });
});

import { describe, expect, it } from "@jest/globals";
import {
  downsample,
  STEP_MS,
  TrendLog,
  type TrendPoint,
} from "../../dashboard/src/fleet/trend-log";
import { onlineIn } from "../../dashboard/src/trends/online-counts";
import { NOON } from "../../testing/dashboard/fake-fleet";

describe("the agents online", () => {
  const stored = (at: number, online: number) => ({ at, online, stalled: 0, overdue: 0 });
  const seen = (at: number, online: number | null) =>
    ({ at, online, offline: 0, events: {} }) as unknown as TrendPoint;

  it("are those that sweeps counted until the page was opened, and then those that it saw", () => {
    const counts = [stored(10, 1), stored(20, 2), stored(30, 3), stored(40, 4)];
    const points = [seen(25, null), seen(30, 5), seen(35, null), seen(40, 6)];
    expect(onlineIn(counts, points, 15)).toEqual([
      stored(20, 2),
      { at: 30, online: 5 },
      { at: 40, online: 6 },
    ]);
    expect(onlineIn(counts, [], 0)).toHaveLength(4);
    expect(onlineIn([], points, 35)).toEqual([{ at: 40, online: 6 }]);
  });
});

describe("the trend log", () => {
  it("has a gap for the time in which the computer slept", () => {
    const log = new TrendLog();
    log.sample(NOON, { online: 5, offline: 0 });
    log.sample(NOON + 3 * STEP_MS, { online: 4, offline: 1 });
    expect(log.points.map(({ at, online }) => [(at - NOON) / STEP_MS, online])).toEqual([
      [0, 5],
      [1, null],
      [2, null],
      [3, 4],
    ]);
  });

  it("is downsampled to the last count and the sum of events", () => {
    const log = new TrendLog();
    for (let n = 0; n < 24; n++) {
      log.sample(NOON + n * STEP_MS, { online: n, offline: 0 });
      log.count(NOON + n * STEP_MS, "offline");
    }
    const points = downsample(log.points, 12, 60);
    expect(points.map(({ at, online, events }) => [at - NOON, online, events.offline])).toEqual([
      [0, 11, 12],
      [60_000, 23, 12],
    ]);
  });

  it("keeps twelve hours", () => {
    const log = new TrendLog();
    const steps = (13 * 3_600_000) / STEP_MS;
    for (let n = 0; n < steps; n++) log.sample(NOON + n * STEP_MS, { online: 1, offline: 0 });
    expect(log.points).toHaveLength((12 * 3_600_000) / STEP_MS);
    expect(log.points.at(-1)?.at).toBe(NOON + (steps - 1) * STEP_MS);
  });
});

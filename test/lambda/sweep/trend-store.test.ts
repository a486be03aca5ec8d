/** The counts of a day, stored by sweeps and read by readers, against the real engine. */

import { StatusReader } from "@agent-heartbeat/sdk/status";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { counted, NO_AGENTS } from "../../../lambda/sweep/fleet-counts";
import { isTrendDue, TrendStore } from "../../../lambda/sweep/trend-store";
import { type Engine, startEngine } from "../../../testing/engine";
import { onlineRow } from "../../../testing/status-rows";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOON = Date.UTC(2026, 0, 1, 12);

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());

const storeOf = (maxOrganizations?: number) =>
  new TrendStore({
    client: engine.client,
    registryTableName: engine.registryTableName,
    ...(maxOrganizations && { maxOrganizations }),
  });
const countsOf = (organizationId: string, now: number) =>
  new StatusReader({
    client: engine.client,
    tableName: engine.statusTableName,
    registryTableName: engine.registryTableName,
    correctClock: false,
    now: () => now,
  }).counts(organizationId);
const online = (count: number) => ({ online: count, stalled: 0, overdue: 0 });

describe("an organization's counts", () => {
  it("are those of the last 24 hours, oldest first, over the ends of hours and days", async () => {
    const store = storeOf();
    const times = [-25 * HOUR, -23 * HOUR, -12 * HOUR - 1, -HOUR, -MINUTE, 0];
    for (const [index, at] of times.entries()) {
      await store.put(new Map([["day", { online: index, stalled: 1, overdue: 2 }]]), NOON + at);
    }
    expect(await countsOf("day", NOON)).toEqual(
      times.slice(1).map((at, index) => {
        return { at: NOON + at, online: index + 1, stalled: 1, overdue: 2 };
      }),
    );
  });

  it("are zero at a sweep that found no agent of it, and missing if there was no sweep", async () => {
    const store = storeOf();
    const begin = NOON + 30 * HOUR;
    await store.put(new Map([["gone", online(3)]]), begin);
    await store.put(new Map([["other", online(1)]]), begin + 5 * MINUTE);
    await store.put(new Map(), begin + 10 * MINUTE);
    await store.put(new Map([["gone", online(2)]]), begin + 60 * MINUTE);
    expect((await countsOf("gone", begin + HOUR)).map((count) => count.online)).toEqual([
      3, 0, 0, 2,
    ]);
    expect((await countsOf("never", begin + HOUR)).map((count) => count.online)).toEqual([
      0, 0, 0, 0,
    ]);
  });

  it("are left out, and not zero, where a sweep found more organizations than it stores", async () => {
    const begin = NOON + 60 * HOUR;
    const counts = new Map([
      ["small", online(1)],
      ["large", online(9)],
      ["medium", online(5)],
    ]);
    await storeOf(2).put(counts, begin);
    const found = await Promise.all(
      ["small", "medium", "large", "none"].map((name) => countsOf(name, begin)),
    );
    expect(found.map((each) => each.map((count) => count.online))).toEqual([[], [5], [9], []]);
  });

  it("are the same if a sweep stores them twice", async () => {
    const begin = NOON + 90 * HOUR;
    for (let times = 0; times < 2; times++) {
      await storeOf().put(new Map([["twice", online(4)]]), begin);
    }
    expect(await countsOf("twice", begin)).toEqual([{ at: begin, ...online(4) }]);
  });

  it("count an agent by its derived status, and whether it is stalled or late", () => {
    const rows = [
      onlineRow(NOON),
      onlineRow(NOON, { stalledSince: NOON - 1 }),
      onlineRow(NOON - 60_000),
      onlineRow(NOON - 90_000, { stalledSince: NOON - 1 }),
    ];
    const counts = rows.reduce((sum, row) => counted(sum, row, NOON), NO_AGENTS);
    expect(counts).toEqual({ online: 3, stalled: 1, overdue: 1, over: 1 });
  });

  it("take no write where only leases that are over were found", async () => {
    const begin = NOON + 150 * HOUR;
    await storeOf(1).put(
      new Map([
        ["expired", online(0)],
        ["alive", online(1)],
      ]),
      begin,
    );
    expect(await countsOf("expired", begin)).toEqual([{ at: begin, ...online(0) }]);
    expect(await countsOf("alive", begin)).toEqual([{ at: begin, ...online(1) }]);
  });
});

describe("a day of counts", () => {
  it("takes one write unit an organization and four minutes, however often it is swept", () => {
    for (const seconds of [10, 30, 60, 300, 3600]) {
      const times = Array.from({ length: (24 * 3600) / seconds }, (_, index) => index * seconds);
      const stored = times.filter((at, index) => {
        const last = index === 0 ? undefined : (times[index - 1] ?? 0) * 1000;
        return isTrendDue(last, at * 1000);
      });
      expect(stored.length).toBe(Math.min(times.length, 360));
    }
  });

  it("keeps an hour's record of the shortest interval within a write unit", async () => {
    const begin = NOON + 120 * HOUR;
    const organization = "o".repeat(64);
    const written: number[] = [];
    const client = {
      send: async (command: { input: object }) => {
        const { ConsumedCapacity } = (await engine.client.send(
          Object.assign(command, {
            input: { ...command.input, ReturnConsumedCapacity: "TOTAL" },
          }) as never,
        )) as { ConsumedCapacity?: { CapacityUnits?: number } };
        written.push(ConsumedCapacity?.CapacityUnits ?? Number.NaN);
      },
    };
    const { registryTableName } = engine;
    const store = new TrendStore({ client: client as never, registryTableName });
    for (let minute = 0; minute < 60; minute += 4) {
      const counts = { online: 1_000_000, stalled: 1_000_000, overdue: 1_000_000 };
      await store.put(new Map([[organization, counts]]), begin + minute * MINUTE + 59_999);
    }
    expect(written).toHaveLength(30);
    expect(new Set(written)).toEqual(new Set([1]));
  });
});

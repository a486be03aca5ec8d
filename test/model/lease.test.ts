/** The lease under everything that can happen to it: thousands of histories made by chance. */

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type Engine, startEngine } from "../../testing/engine";
import { historyArbitrary } from "../../testing/model/history";
import { InMemoryTable } from "../../testing/model/in-memory-table";
import { judge } from "../../testing/model/judge";
import { mutants, survivors } from "../../testing/model/mutants";
import { tellAll } from "../../testing/model/transition-stream";

const RUNS = Number(process.env.MODEL_RUNS ?? 10_000);
const ENGINE_RUNS = 500;

describe("the table, under any delay, disorder, repetition and loss", () => {
  it(`tells the truth after every step of ${RUNS} histories`, async () => {
    const property = fc.asyncProperty(historyArbitrary, async (history) => {
      const twin = new InMemoryTable();
      await judge(history, {
        client: twin.client,
        tableName: "AgentStatus",
        purge: (now) => twin.purge(now),
      });
    });
    await fc.assert(property, { numRuns: RUNS });
  }, 600_000);

  it("has transitions that alternate, and are told at least once, in order, by a bus that fails", async () => {
    const arbitrary = fc.tuple(historyArbitrary, fc.infiniteStream(fc.nat({ max: 3 })));
    const property = fc.asyncProperty(arbitrary, async ([history, chance]) => {
      const twin = new InMemoryTable();
      await judge(history, {
        client: twin.client,
        tableName: "AgentStatus",
        purge: (now) => twin.purge(now),
      });
      const fails = () => chance.next().value === 0;
      for (const told of await tellAll(twin.stream, fails)) {
        const events = told.map(({ event }) => event);
        expect(events).toEqual(events.map((_, index) => (index % 2 === 0 ? "online" : "offline")));
      }
    });
    await fc.assert(property, { numRuns: RUNS / 10 });
  }, 600_000);

  describe("of the real engine", () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await startEngine();
    });
    afterAll(() => engine.stop());

    it(`is the same in ${ENGINE_RUNS} histories`, async () => {
      let run = 0;
      const property = fc.asyncProperty(historyArbitrary, async (history) => {
        run += 1;
        await judge(history, {
          client: engine.client,
          tableName: engine.statusTableName,
          prefix: `run-${run}-`,
        });
      });
      await fc.assert(property, { numRuns: ENGINE_RUNS });
    }, 300_000);
  });
});

describe("the histories", () => {
  it("find every break of the writes, one clause at a time", async () => {
    expect(mutants().length).toBeGreaterThan(25);
    expect(await survivors()).toEqual([]);
  }, 300_000);
});

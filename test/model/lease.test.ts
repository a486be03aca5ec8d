/** The lease under everything that can happen to it: thousands of histories made by chance. */

import { describe, expect, it } from "@jest/globals";
import { HISTORY_SEED, playAll, RUNS } from "../../testing/model/histories";
import { mutants, survivors } from "../../testing/model/mutants";

describe("the promises", () => {
  it(`are kept in ${RUNS} histories`, async () => {
    await playAll({ runs: RUNS, seed: HISTORY_SEED });
  }, 600_000);
});

describe("the histories", () => {
  it("find every break of the writes, one clause and one assignment at a time", async () => {
    expect(mutants().length).toBeGreaterThan(60);
    expect(await survivors()).toEqual([]);
  }, 600_000);
});

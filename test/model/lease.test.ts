/** The guarantees of the lease in thousands of random histories. */

import { describe, expect, it } from "@jest/globals";
import { detect } from "../../testing/model/detection";
import { HISTORY_SEED, playAll, RUNS } from "../../testing/model/histories";
import { mutants } from "../../testing/model/mutants";

describe("the guarantees", () => {
  it(`hold in ${RUNS} random histories`, async () => {
    await playAll({ runs: RUNS, seed: HISTORY_SEED });
  });
});

/** Defects that only these histories detect. `npm run test:mutants` tries every clause and assignment. */
const MAIN_BREAKS = [
  "renew: contains(connections, :entry) is always true",
  "take: no SET connections :entries",
  "take: no SET instanceId :instanceId",
  "end: no REMOVE connections",
  "renew: no SET leaseExpiresAt :leaseExpiresAt",
  "revoke: no REMOVE connections",
];

describe("the random histories", () => {
  it("detect the most important errors in the writes", async () => {
    expect(mutants()).toEqual(expect.arrayContaining(MAIN_BREAKS));
    const detection = { found: new Map<string, string>(), differed: new Map<string, number>() };
    await detect(HISTORY_SEED, detection, (name) => MAIN_BREAKS.includes(name));
    expect([...detection.found.keys()].sort()).toEqual([...MAIN_BREAKS].sort());
  });
});

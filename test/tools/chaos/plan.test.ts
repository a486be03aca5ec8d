import { describe, expect, it } from "@jest/globals";
import { drawPlan, FAULT_KINDS } from "../../../tools/chaos/faults/plan";

const MINUTE = { durationMs: 60_000, agents: 60, processes: 3, leaseMs: 6000 };

describe("the plan of a run", () => {
  it("is reproducible for a seed, and differs between seeds", () => {
    expect(drawPlan({ ...MINUTE, seed: 1 })).toEqual(drawPlan({ ...MINUTE, seed: 1 }));
    expect(drawPlan({ ...MINUTE, seed: 1 })).not.toEqual(drawPlan({ ...MINUTE, seed: 2 }));
  });

  it("contains every fault within a minute", () => {
    for (let seed = 0; seed < 200; seed++) {
      const kinds = new Set(drawPlan({ ...MINUTE, seed }).map(({ kind }) => kind));
      expect([...kinds].sort()).toEqual([...FAULT_KINDS].sort());
    }
  });

  it("never overlaps two faults of one process, link or machine", () => {
    for (let seed = 0; seed < 200; seed++) {
      const ends = new Map<string, number>();
      for (const fault of drawPlan({ ...MINUTE, seed })) {
        if (!("process" in fault) || !("lastsMs" in fault)) continue;
        const name = `process ${fault.process}`;
        expect(ends.get(name) ?? 0).toBeLessThanOrEqual(fault.atMs);
        ends.set(name, fault.atMs + fault.lastsMs);
      }
    }
  });
});

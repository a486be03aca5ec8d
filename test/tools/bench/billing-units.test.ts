import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { type BillingFigures, billingUnits } from "../../../tools/bench/billing-units/section";
import { readReport } from "../../../tools/bench/report";

const BENCH = join(__dirname, "../../../tools/bench");

/** That the report is true, `npm run bench -- --quick billing-units` finds out. */
describe("the billing units benchmark", () => {
  const reported = readReport(BENCH, billingUnits)?.figures as BillingFigures;

  it("reports the counts that have changed", () => {
    const [first, ...rest] = reported.operations;
    if (!first) throw new Error("expected operations in the report");
    const dearer = { ...first, units: { ...first.units, writeUnits: first.units.writeUnits + 1 } };
    const changed = { ...reported, operations: [dearer, ...rest] };
    expect(billingUnits.changes?.(changed, reported)).toEqual([
      `${first.operation}, writeUnits: ${first.units.writeUnits} in the report, now ${first.units.writeUnits + 1}`,
    ]);
    expect(billingUnits.changes?.({ ...reported, operations: rest }, reported)).toContain(
      `${first.operation}, invocations: ${first.units.invocations} in the report, now not counted`,
    );
  });
});

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { readReport, renderPage } from "../../../tools/bench/report";
import { SECTIONS } from "../../../tools/bench/sections";

const ROOT = join(__dirname, "../../..");

describe("the page docs/benchmarks.md", () => {
  const page = () =>
    renderPage(SECTIONS, (section) => readReport(join(ROOT, "tools", "bench"), section));

  it("matches the reports (npm run bench -- --render)", () => {
    expect(readFileSync(join(ROOT, "docs/benchmarks.md"), "utf8")).toBe(page());
  });

  it.each(SECTIONS)(
    "has figures for $name, and a reason for each goal that is not met",
    (section) => {
      const report = readReport(join(ROOT, "tools", "bench"), section);
      const goals = report ? section.goals(report.figures) : undefined;
      expect(goals?.filter(({ met, why }) => !met && !why)).toEqual([]);
    },
  );
});

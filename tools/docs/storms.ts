/** Renders the table of docs/limits.md that says how long fleets take to come back, from the benchmark's report. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { returnTable, type StormFigures } from "../bench/storm/section";

const REPORT = join(__dirname, "../bench/storm/report.json");

/** The text of the generated block, by its name. */
export function stormBlocks(): Record<string, string> {
  const { figures } = JSON.parse(readFileSync(REPORT, "utf8")) as { figures: StormFigures };
  return { storms: returnTable(figures) };
}

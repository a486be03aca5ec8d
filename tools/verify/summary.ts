/** The summary table, and a result line for CI. */

import type { Colors } from "picocolors/types";
import { table } from "../../cli/src/terminal/table";
import type { Check, Result } from "./check";

type Row = readonly [Check, Result];

export function summary(rows: readonly Row[], colours: Colors): string {
  const paints: Record<Result["outcome"], (text: string) => string> = {
    passed: colours.green,
    failed: colours.red,
    skipped: colours.yellow,
  };
  const lines = table(
    rows,
    [
      { title: "CHECK", text: ([{ what }]) => what },
      { title: "TOOL OR STANDARD", text: ([{ against }]) => against },
      {
        title: "RESULT",
        text: ([, { outcome }]) => outcome,
        paint: (text, [, { outcome }]) => paints[outcome](text),
      },
      { title: "DETAIL", text: ([, { detail }]) => detail.replace(/\s+/g, " ").trim() },
    ],
    colours,
  );
  const count = (outcome: Result["outcome"]) =>
    rows.filter(([, result]) => result.outcome === outcome).length;
  const counts = `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`;
  return [...lines, "", counts].join("\n");
}

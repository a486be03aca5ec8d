/** The table at the end of a verification, and the line that any CI can read. */

import type { Colors } from "picocolors/types";
import { table } from "../../cli/src/table";
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
      { title: "CHECKED", text: ([{ what }]) => what },
      { title: "AGAINST", text: ([{ against }]) => against },
      {
        title: "RESULT",
        text: ([, { outcome }]) => outcome,
        paint: (text, [, { outcome }]) => paints[outcome](text),
      },
      { title: "FOUND, OR WHY NOT", text: ([, { detail }]) => detail.replace(/\s+/g, " ").trim() },
    ],
    colours,
  );
  const count = (outcome: Result["outcome"]) =>
    rows.filter(([, result]) => result.outcome === outcome).length;
  const counts = `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`;
  return [...lines, "", counts].join("\n");
}

/** Lays out text in columns, by the width that a terminal gives to each character. */

import cliTruncate from "cli-truncate";
import type { Colors } from "picocolors/types";
import stringWidth from "string-width";
import { isolated, printable } from "./printable";

/** A column: its title, and what it shows of a row. */
export interface Column<Row> {
  title: string;
  text(row: Row): string;
  /** Colours the text, whose width counts without it. */
  paint?(text: string, row: Row): string;
  /**
   * Where a text is cut that is too long for the terminal: ids in the middle, as they may differ at
   * either end. First the columns are cut that are cut at the end. @default - never
   */
  cut?: "end" | "middle";
}

const GAP = "  ";
/** Columns are cut to no less than this. */
const LEAST_WIDTH = { end: 8, middle: 20 } as const;

/** The lines of a table with its titles. `width` is the terminal's; without one nothing is cut. */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  colours: Colors,
  width = Number.POSITIVE_INFINITY,
): string[] {
  const cells = rows.map((row) => columns.map((column) => printable(column.text(row))));
  const widths = columns.map((column, index) =>
    cells.reduce(
      (widest, line) => Math.max(widest, stringWidth(line[index] ?? "")),
      stringWidth(column.title),
    ),
  );
  fit(widths, columns, width);
  const lineOf = (texts: string[], paint: (text: string, index: number) => string) =>
    texts
      .map((text, index) => {
        const columnWidth = widths[index] ?? 0;
        const shown = cutTo(columnWidth, text, columns[index]?.cut);
        const padding = index < texts.length - 1 ? columnWidth - stringWidth(shown) : 0;
        return paint(isolated(shown), index) + " ".repeat(padding);
      })
      .join(GAP)
      .trimEnd();
  return [
    lineOf(
      columns.map((column) => column.title),
      (text) => colours.dim(text),
    ),
    ...cells.map((texts, rowIndex) => {
      const row = rows[rowIndex] as Row;
      return lineOf(texts, (text, index) => columns[index]?.paint?.(text, row) ?? text);
    }),
  ];
}

/** The text in no more than a width. The library takes some emoji for narrower than they are. */
function cutTo(width: number, text: string, position: Column<unknown>["cut"] = "end"): string {
  for (let room = width; ; room--) {
    const shown = cliTruncate(text, room, { position });
    if (stringWidth(shown) <= width) return shown;
  }
}

/** A name, its value, and how the value is coloured. */
export type Field = readonly [name: string, value: string, paint?: (text: string) => string];

/** Names and their values, one a line. */
export function fields(pairs: readonly Field[], colours: Colors): string[] {
  const width = Math.max(...pairs.map(([name]) => stringWidth(name)));
  return pairs.map(([name, value, paint = (text) => text]) => {
    const padding = " ".repeat(width - stringWidth(name));
    return `${colours.dim(name)}${padding}${GAP}${paint(isolated(printable(value)))}`;
  });
}

function fit<Row>(widths: number[], columns: readonly Column<Row>[], width: number): void {
  const total = widths.reduce((sum, each) => sum + each, 0) + GAP.length * (widths.length - 1);
  let excess = total - width;
  for (const cut of ["end", "middle"] as const) {
    columns.forEach((column, index) => {
      const wide = widths[index] ?? 0;
      if (column.cut !== cut || excess <= 0) return;
      const narrow = Math.min(wide, Math.max(LEAST_WIDTH[cut], wide - excess));
      excess -= wide - narrow;
      widths[index] = narrow;
    });
  }
}

/** Lays out text in columns, by the width that a terminal gives to each character. */

import cliTruncate from "cli-truncate";
import type { Colors } from "picocolors/types";
import stringWidth from "string-width";
import { printable } from "./printable";

/** A column: its title, and what it shows of a row. */
export interface Column<Row> {
  title: string;
  text(row: Row): string;
  /** Colours the text, whose width counts without it. */
  paint?(text: string, row: Row): string;
  /** Whether it takes what is left of the width, and is cut where that is too little. */
  flexible?: boolean;
}

const GAP = "  ";
const LEAST_FLEXIBLE = 8;

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
        const shown = cliTruncate(text, columnWidth);
        const padding = index < texts.length - 1 ? columnWidth - stringWidth(shown) : 0;
        return paint(shown, index) + " ".repeat(padding);
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

/** A name, its value, and how the value is coloured. */
export type Field = readonly [name: string, value: string, paint?: (text: string) => string];

/** Names and their values, one a line. */
export function fields(pairs: readonly Field[], colours: Colors): string[] {
  const width = Math.max(...pairs.map(([name]) => stringWidth(name)));
  return pairs.map(([name, value, paint = (text) => text]) => {
    const padding = " ".repeat(width - stringWidth(name));
    return `${colours.dim(name)}${padding}${GAP}${paint(printable(value))}`;
  });
}

function fit<Row>(widths: number[], columns: readonly Column<Row>[], width: number): void {
  const total = widths.reduce((sum, each) => sum + each, 0) + GAP.length * (widths.length - 1);
  let excess = total - width;
  columns.forEach((column, index) => {
    if (!column.flexible || excess <= 0) return;
    const narrow = Math.max(LEAST_FLEXIBLE, (widths[index] ?? 0) - excess);
    excess -= (widths[index] ?? 0) - narrow;
    widths[index] = narrow;
  });
}

/** Lays out text in columns. */

import type { Colors } from "picocolors/types";
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
    Math.max(column.title.length, ...cells.map((line) => line[index]?.length ?? 0)),
  );
  fit(widths, columns, width);
  const lineOf = (texts: string[], paint: (text: string, index: number) => string) =>
    texts
      .map((text, index) => {
        const cut = ellipsis(text, widths[index] ?? 0);
        const padding =
          index < texts.length - 1 ? " ".repeat((widths[index] ?? 0) - cut.length) : "";
        return paint(cut, index) + padding;
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
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value, paint = (text) => text]) => {
    return `${colours.dim(name.padEnd(width))}${GAP}${paint(printable(value))}`;
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

function ellipsis(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** Prints for a person or, with --json, for a program. */

import picocolors from "picocolors";
import type { Colors } from "picocolors/types";
import type { Io, Output } from "../io";
import { printableJson } from "./printable";
import { type Column, table } from "./table";

export class Printer {
  readonly colours: Colors;
  /** Whether the answer is for a program. */
  readonly json: boolean;
  readonly #output: Output;

  constructor(io: Io, options: { json?: boolean; color?: boolean }) {
    this.json = options.json ?? false;
    this.#output = io.stdout;
    this.colours = coloursFor(io.stdout, io.env, options);
  }

  lines(...lines: string[]): void {
    this.#output.write(`${lines.join("\n")}\n`);
  }

  value(value: unknown): void {
    this.lines(printableJson(value, 2));
  }

  table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): void {
    this.lines(...table(rows, columns, this.colours, this.width));
  }

  /** Width to fit a table into; undefined if the output is not a terminal, so that nothing is cut. */
  get width(): number | undefined {
    return this.#output.isTTY ? this.#output.columns : undefined;
  }
}

/** Colours for a person at a terminal, unless NO_COLOR (no-color.org), TERM=dumb or --no-color say no. */
export function coloursFor(
  output: Output,
  env: Io["env"],
  options: { color?: boolean } = {},
): Colors {
  const wanted = options.color !== false && !env.NO_COLOR && env.TERM !== "dumb";
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "0";
  return picocolors.createColors(wanted && (output.isTTY || forced));
}

/** A progress bar for long commands. Prints nothing if the output is not a terminal. */

import type { Io } from "../io";
import { coloursFor } from "./printer";

const WIDTH = 30;
const CLEAR_LINE = "\r\u001b[K";

export class ProgressBar {
  readonly #io: Io;
  readonly #total: number;
  readonly #green: (text: string) => string;
  readonly #dim: (text: string) => string;
  #done = 0;

  constructor(total: number, io: Io) {
    const { green, dim } = coloursFor(io.stderr, io.env);
    this.#io = io;
    this.#total = total;
    this.#green = green;
    this.#dim = dim;
    this.#draw();
  }

  /** One more is done. */
  advance(): void {
    this.#done++;
    this.#draw();
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.#io.stderr.isTTY) this.#io.stderr.write(CLEAR_LINE);
  }

  #draw(): void {
    if (!this.#io.stderr.isTTY) return;
    const filled = this.#total === 0 ? WIDTH : Math.floor((this.#done / this.#total) * WIDTH);
    const bar = this.#green("█".repeat(filled)) + this.#dim("░".repeat(WIDTH - filled));
    this.#io.stderr.write(`${CLEAR_LINE}${bar} ${this.#done} of ${this.#total}`);
  }
}

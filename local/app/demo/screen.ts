/** A terminal with a table that is redrawn in place below scrolling lines. */

export interface Terminal {
  write(text: string): void;
  /** Whether the cursor can be moved. */
  isTTY?: boolean;
  columns?: number;
  rows?: number;
}

/** Escape sequences, which have no width. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const ESCAPES = /(\u001b\[[0-9;?]*[A-Za-z])/g;

export class Screen {
  readonly #terminal: Terminal;
  #table: string[] = [];
  #drawn = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Whether the table is shown: only on a terminal. */
  get animated(): boolean {
    return this.#terminal.isTTY === true;
  }

  /** Prints a line above the table. */
  line(text: string): void {
    this.#terminal.write(`${this.#erase()}${text}\n${this.#draw()}`);
  }

  /** Replaces the table. */
  table(lines: string[]): void {
    this.#table = lines;
    if (this.animated) this.#terminal.write(`${this.#erase()}${this.#draw()}`);
  }

  #erase(): string {
    if (this.#drawn === 0) return "";
    const up = this.#drawn;
    this.#drawn = 0;
    return `\u001b[${up}A\u001b[0J`;
  }

  #draw(): string {
    if (!this.animated || this.#table.length === 0) return "";
    const { columns = 80, rows = 24 } = this.#terminal;
    // A line that wraps, or a table taller than the screen, could not be erased.
    const lines = this.#table.slice(0, rows - 1).map((line) => cut(line, columns - 1));
    this.#drawn = lines.length;
    return `${lines.join("\n")}\n`;
  }
}

/** The part of a line that fits, with all of the line's escape sequences. */
function cut(line: string, width: number): string {
  if (line.replace(ESCAPES, "").length <= width) return line;
  let room = width;
  return line
    .split(ESCAPES)
    .map((part, index) => {
      if (index % 2 === 1) return part;
      const kept = part.slice(0, room);
      room -= kept.length;
      return kept;
    })
    .join("");
}

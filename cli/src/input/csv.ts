/** Reads a table in text: the first line names the columns, which commas, semicolons or tabs separate. */

import { parse } from "csv-parse/sync";

/** A row of a file, and the line that it began on. */
export interface CsvRow {
  line: number;
  values: Record<string, string>;
}

/** What `csv-parse` gives of a row with `info` and `raw`. */
interface ParsedRow {
  record: string[];
  info: { lines: number };
  raw: string;
}

const SEPARATORS = [",", ";", "\t"];

/** The line in which spreadsheets name the separator. */
const SEPARATOR_LINE = /^"?sep=(.)"?\n/i;

/**
 * Rows as the columns name them. Empty fields are left out, and so are lines without any.
 *
 * @throws Error naming the line, if a quote is out of place, a column is not a known one or appears twice, or a
 * value is in no column
 */
export function parseCsv(file: string, known: readonly string[]): CsvRow[] {
  const text = file.replace(/\r\n?/g, "\n");
  const named = SEPARATOR_LINE.exec(text)?.[1];
  const parsed = parse(text, {
    delimiter: named ?? separatorOf(text),
    trim: true,
    info: true,
    raw: true,
    record_delimiter: "\n",
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_empty_values: true,
  }) as unknown as ParsedRow[];
  const rows = parsed.map(({ record, info, raw }) => ({
    record,
    // A quoted field may span lines.
    line: info.lines - (raw.trim().split("\n").length - 1),
  }));
  const [header, ...data] = named === undefined ? rows : rows.slice(1);
  if (!header) return [];
  header.record.forEach((name, index) => {
    if (name === "" || known.includes(name)) {
      if (name === "" || header.record.indexOf(name) === index) return;
      throw new TypeError(`line ${header.line}: the column ${name} appears twice`);
    }
    const columns = known.join(", ");
    throw new TypeError(
      `line ${header.line}: expected the columns ${columns}, got ${JSON.stringify(name)}`,
    );
  });
  return data.map(({ record, line }) => ({ line, values: valuesOf(record, line, header.record) }));
}

function valuesOf(record: string[], line: number, columns: string[]): Record<string, string> {
  const filled = record.map((value, index) => ({ value, name: columns[index] || undefined }));
  const values = filled.filter(({ value }) => value !== "");
  const lost = values.find(({ name }) => name === undefined);
  if (!lost) return Object.fromEntries(values.map(({ name, value }) => [name, value]));
  throw new TypeError(
    `line ${line}: expected at most ${columns.length} values, got another one, ${JSON.stringify(lost.value)}`,
  );
}

/** What separates most names in the line of the columns. */
function separatorOf(text: string): string {
  const [header = ""] = text.trimStart().split("\n");
  const count = (separator: string) => header.split(separator).length;
  return SEPARATORS.reduce((best, next) => (count(next) > count(best) ? next : best));
}

/** Reads comma-separated values: the first line names the columns. */

import { parse } from "csv-parse/sync";

/** A row of a file, and the line that it began on. */
export interface CsvRow {
  line: number;
  values: Record<string, string>;
}

/** What `csv-parse` gives of a row with `info` and `raw`. */
interface ParsedRow {
  record: Record<string, string>;
  info: { lines: number };
  raw: string;
}

/**
 * Rows as the columns name them. Empty fields are left out, and so are lines without any.
 *
 * @throws CsvError naming the line, if a quote is out of place or a row has more fields than there are columns
 */
export function parseCsv(text: string): CsvRow[] {
  const rows: unknown = parse(text, {
    bom: true,
    columns: true,
    trim: true,
    info: true,
    raw: true,
    record_delimiter: ["\r\n", "\n"],
    relax_column_count_less: true,
    skip_records_with_empty_values: true,
  });
  return (rows as ParsedRow[]).map(({ record, info, raw }) => ({
    // A field in quotes may have lines of its own.
    line: info.lines - (raw.trim().split("\n").length - 1),
    values: Object.fromEntries(Object.entries(record).filter(([, value]) => value !== "")),
  }));
}

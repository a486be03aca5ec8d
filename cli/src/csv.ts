/** Reads comma-separated values as RFC 4180 has them: the first line names the columns. */

/** A row of a file, and the line that it began on. */
export interface CsvRow {
  line: number;
  values: Record<string, string>;
}

/** One field, bare or in quotes, and what ends it. */
const FIELD = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/gy;

/**
 * Rows as the columns name them. Empty fields are left out, and so are lines without any.
 *
 * @throws SyntaxError naming the line, if a quote is not closed or stands within a bare field
 */
export function parseCsv(text: string): CsvRow[] {
  const [header, ...rows] = linesOf(text.replace(/^\uFEFF/, ""));
  const names = header?.fields.map((name) => name.trim()) ?? [];
  return rows
    .map(({ line, fields }) => ({
      line,
      values: Object.fromEntries(
        fields.flatMap((value, index) => (value === "" ? [] : [[names[index] ?? "", value]])),
      ),
    }))
    .filter(({ values }) => Object.keys(values).length > 0);
}

function linesOf(text: string): { line: number; fields: string[] }[] {
  const lines: { line: number; fields: string[] }[] = [];
  let current: { line: number; fields: string[] } | undefined;
  let line = 1;
  FIELD.lastIndex = 0;
  for (;;) {
    const match = FIELD.exec(text);
    if (!match) throw new SyntaxError(`line ${line}: expected a field, in quotes or without any`);
    const [whole, field = "", end] = match;
    if (!current) {
      current = { line, fields: [] };
      lines.push(current);
    }
    current.fields.push(
      field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field.trim(),
    );
    line += whole.split("\n").length - 1;
    if (end === ",") continue;
    current = undefined;
    if (FIELD.lastIndex >= text.length) return lines;
  }
}

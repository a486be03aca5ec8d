import { describe, expect, it } from "@jest/globals";
import picocolors from "picocolors";
import stringWidth from "string-width";
import { type Column, fields, table } from "../../cli/src/table";

const plain = picocolors.createColors(false);

interface Row {
  name: string;
  text: string;
}

const COLUMNS: Column<Row>[] = [
  { title: "NAME", text: ({ name }) => name },
  { title: "TEXT", text: ({ text }) => text, flexible: true },
  { title: "END", text: () => "end" },
];

describe("a table", () => {
  const ends = (rows: Row[], width?: number) =>
    table(rows, COLUMNS, plain, width).map((line) =>
      stringWidth(line.slice(0, line.search(/ end$| END$/))),
    );

  it("keeps its columns below one another, whatever width its characters have", () => {
    const rows = [
      { name: "plain", text: "writes a report" },
      { name: "漢字", text: "報告書を書く" },
      { name: "emoji", text: "👩‍👩‍👧 🚀 done ✅" },
      { name: "combined", text: "e\u0301te\u0301" },
    ];
    expect(new Set(ends(rows)).size).toBe(1);
  });

  it("cuts by the same width, and no character into halves", () => {
    const rows = [
      { name: "a1", text: "報告書を書く報告書を書く報告書を書く" },
      { name: "a2", text: "👩‍👩‍👧".repeat(20) },
      { name: "a3", text: "short" },
    ];
    const lines = table(rows, COLUMNS, plain, 30);
    expect(new Set(ends(rows, 30)).size).toBe(1);
    for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(30);
    expect(lines[1]).toMatch(/書…/);
    // A family is one character of four joined ones: it ends whole.
    expect(lines[2]).toMatch(/👩‍👩‍👧…/);
  });

  it("takes a fleet of hundreds of thousands", () => {
    const rows = Array.from({ length: 200_000 }, (_, index) => ({ name: `a${index}`, text: "" }));
    expect(table(rows, COLUMNS, plain)).toHaveLength(rows.length + 1);
  });
});

describe("names and values", () => {
  it("are aligned by what a terminal shows", () => {
    const [first = "", second = ""] = fields(
      [
        ["名前", "a"],
        ["Name", "b"],
      ],
      plain,
    );
    expect(stringWidth(first)).toBe(stringWidth(second));
  });
});

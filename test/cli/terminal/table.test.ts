import { describe, expect, it } from "@jest/globals";
import picocolors from "picocolors";
import stringWidth from "string-width";
import { agentColumns } from "../../../cli/src/agents/agent-view";
import type { Io } from "../../../cli/src/io";
import { presenceColumns } from "../../../cli/src/status/status-view";
import { Printer } from "../../../cli/src/terminal/printer";
import { type Column, fields, table } from "../../../cli/src/terminal/table";
import { derivePresence } from "../../../core/status";
import { onlineRow } from "../../../testing/status-rows";

const plain = picocolors.createColors(false);

interface Row {
  name: string;
  text: string;
}

const COLUMNS: Column<Row>[] = [
  { title: "NAME", text: ({ name }) => name },
  { title: "TEXT", text: ({ text }) => text, cut: "end" },
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

/** Texts of every kind that does not take one column for each of its characters. */
const HOSTILE = {
  "wide characters": "報告書を書く",
  emoji: "👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🇩🇪 ✅ ❤️ 1️⃣",
  "combining marks": "e\u0301te\u0301",
  "a pile of marks": `z${"\u0335\u0301\u0311".repeat(30)}`,
  "a mark without a letter": "\u0301a",
  "right to left": "שלום עולם 12",
  "marks of direction": "\u202etxt.exe\u202c",
  "escape sequences": "\u001b[2J\u001b[31m\u001b]0;owned\u0007",
  "control characters": "a\tb\rc\nd\be\u009b31m\u0000",
  "characters that nobody sees": "a\u200bb\u00ad\u2060\u3164\u{e0001}",
  "halves of characters": "\ud83d\udc69\ud83d",
} as const;

const NOW = Date.UTC(2026, 0, 1);
const printer = new Printer(
  { stdout: { write: () => undefined, isTTY: false }, env: {} } as unknown as Io,
  {},
);

/** Rows of every table, with a text in each of their texts. */
const TABLES: Record<string, (text: string, width?: number) => string[]> = {
  status: (text, width) => {
    const row = { ...onlineRow(NOW), agentId: text, instanceId: text };
    const activity = { state: text as never, task: text, note: text };
    const offline = { ...row, status: "offline", reason: text } as never;
    return linesOf(
      [derivePresence({ ...row, activity }, NOW), derivePresence(offline, NOW)],
      presenceColumns(NOW, printer),
      width,
    );
  },
  "agents list": (text, width) => {
    const key = { keyId: text, algorithm: text as never, jwk: {}, addedAt: NOW };
    const agent = { organizationId: text, agentId: text, role: text as never, description: text };
    const times = { enabled: true, createdAt: NOW, updatedAt: NOW };
    return linesOf([{ ...agent, ...times, publicKeys: [key] }], agentColumns(NOW, printer), width);
  },
};

function linesOf<Row>(rows: Row[], columns: Column<Row>[], width?: number) {
  return table(rows, [...columns, { title: "|", text: () => "|" }], plain, width);
}

describe.each(Object.entries(TABLES))("the table of %s", (_, lines) => {
  it.each(Object.entries(HOSTILE))("stays in its columns with %s in each of them", (_, text) => {
    for (const width of [undefined, 80]) {
      const [titles = "", ...rows] = [...lines("plain", width), ...lines(text, width)];
      expect(rows.length).toBeGreaterThan(1);
      for (const line of rows) {
        expect(line.replace(/[\u2068\u2069]/g, "")).not.toMatch(
          /[\p{Cc}\p{Cs}\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069]/u,
        );
        expect(line.endsWith("|")).toBe(true);
      }
      // Each table is laid out by itself.
      const own = lines(text, width).map((line) => stringWidth(line));
      expect(new Set(own).size).toBe(1);
      expect(titles.endsWith("|")).toBe(true);
    }
  });
});

describe("an id that is longer than its column", () => {
  it("is cut in the middle, so that ids that differ at either end can be distinguished", () => {
    const ids = [
      "production-eu-west-1-orchestrator-pool-blue-0001",
      "production-eu-west-1-orchestrator-pool-blue-0002",
      "staging-eu-west-1-orchestrator-worker-pool-blue-0001",
    ];
    const rows = ids.map((agentId) => derivePresence({ ...onlineRow(NOW), agentId }, NOW));
    const lines = table(rows, presenceColumns(NOW, printer), plain, 80);
    for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(80);
    expect(new Set(lines.map((line) => line.split(" ")[0])).size).toBe(4);
    expect(lines[1]).toMatch(/^production\S*…\S*0001 /);
  });
});

describe("a cell that is written from right to left", () => {
  it("is kept from what stands beside it", () => {
    const [, line = ""] = table([{ name: "שלום", text: "5 s" }], COLUMNS, plain);
    expect(line).toMatch(/^\u2068שלום\u2069 +5 s/u);
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

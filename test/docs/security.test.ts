/** Checks that every threat in docs/security.md cites existing tests. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";

const ROOT = join(__dirname, "../..");
const PAGE = readFileSync(join(ROOT, "docs/security.md"), "utf8");

const KINDS = [
  "Spoofing",
  "Tampering",
  "Repudiation",
  "Disclosure",
  "Denial of service",
  "Elevation",
];

const threats = PAGE.split("\n")
  .map((line) => line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "")))
  .filter(([kind = ""]) => KINDS.includes(kind));

describe("the threat model", () => {
  it("has threats of all six STRIDE categories", () => {
    expect([...new Set(threats.map(([kind]) => kind))]).toEqual(KINDS);
  });

  it.each(threats.map(([, threat, , tests]) => [threat, tests]))(
    "cites existing tests for: %s",
    (_, tests = "") => {
      const cited = tests.split("; [").map((each) => ({
        file: /\]\(\.\.\/(test\/[^)]+)\)/.exec(each)?.[1],
        names: [...each.matchAll(/"([^"]+)"/g)].map(([, name]) => name),
      }));
      for (const { file, names } of cited) {
        expect(file).toBeDefined();
        expect(names).not.toEqual([]);
        const source = readFileSync(join(ROOT, file ?? ""), "utf8");
        for (const name of names) expect(source).toContain(name);
      }
    },
  );
});

/** Checks that the scripts, tests and folders named in the documents exist. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";

const ROOT = join(__dirname, "..", "..");
const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "lib/README.md",
  "sdk/README.md",
  "python/README.md",
].concat(
  readdirSync(join(ROOT, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => join("docs", file)),
);
const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

function found(pattern: RegExp): string[] {
  return documents.flatMap((document) =>
    [...readFileSync(join(ROOT, document), "utf8").matchAll(pattern)].map(
      ([, name]) => `${document}: ${name}`,
    ),
  );
}

const nameIn = (line: string) => line.slice(line.indexOf(": ") + 2);

describe("the documents", () => {
  it("name only scripts that exist", () => {
    const named = found(/npm run (?:-s |--silent )?([a-z][\w:-]*)/g);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((line) => !(nameIn(line) in scripts))).toEqual([]);
  });

  it("answer ten questions about the tree with files that exist", () => {
    const contributing = readFileSync(join(ROOT, "CONTRIBUTING.md"), "utf8");
    const answers = [...contributing.matchAll(/^\| Where [^|]+\? \| (.+) \|$/gm)].map(
      ([, answer = ""]) => [...answer.matchAll(/`([\w./-]+\/[\w./-]+)`/g)].map(([, path]) => path),
    );
    expect(answers).toHaveLength(10);
    expect(answers.filter((paths) => paths.length === 0)).toEqual([]);
    expect(answers.flat().filter((path) => !existsSync(join(ROOT, path ?? "")))).toEqual([]);
  });

  it("name only tests and folders that exist", () => {
    const named = [
      ...found(/npx jest (test\/[\w./-]+)/g),
      ...found(
        /`((?:test|lib|lambda|local|core|sdk|cli|dashboard|testing|tools|examples)\/[\w./-]+)`/g,
      ),
    ];
    expect(named.length).toBeGreaterThan(5);
    const exists = (path: string) =>
      ["", ".ts", ".test.ts"].some((ending) => existsSync(join(ROOT, path + ending)));
    expect(named.filter((line) => !exists(nameIn(line)))).toEqual([]);
  });
});

/** docs/README.md, from which the site takes its sidebar, leads to every document. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";

const DOCS = join(__dirname, "..", "..", "docs");

/** What the lists of a document lead to. */
const listedIn = (file: string) =>
  [...readFileSync(join(DOCS, file), "utf8").matchAll(/^(?:- |\| )\[[^\]]+\]\(([^)]+)\)/gm)].map(
    ([, target = ""]) => target,
  );

const pagesIn = (folder: string) =>
  readdirSync(join(DOCS, folder)).filter((name) => name.endsWith(".md") && name !== "README.md");

describe("the contents of the documents", () => {
  it("name every page once", () => {
    expect(listedIn("README.md").sort()).toEqual([...pagesIn("."), "adr/README.md"].sort());
  });

  it("name every decision in order", () => {
    expect(listedIn("adr/README.md")).toEqual(pagesIn("adr").sort());
  });
});

/** Checks that docs/README.md, the source of the site's sidebar, lists every document. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";

const DOCS = join(__dirname, "..", "..", "docs");

/** The link targets in a document's lists. */
const listedIn = (file: string) =>
  [...readFileSync(join(DOCS, file), "utf8").matchAll(/^(?:- |\| )\[[^\]]+\]\(([^)]+)\)/gm)].map(
    ([, target = ""]) => target,
  );

const pagesIn = (folder: string) =>
  readdirSync(join(DOCS, folder)).filter((name) => name.endsWith(".md") && name !== "README.md");

describe("the table of contents", () => {
  it("lists every page once", () => {
    expect(listedIn("README.md").sort()).toEqual([...pagesIn("."), "adr/README.md"].sort());
  });

  it("lists every decision in order", () => {
    expect(listedIn("adr/README.md")).toEqual(pagesIn("adr").sort());
  });
});

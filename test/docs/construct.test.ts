import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { withBlocks } from "../../docs/generate/blocks";
import { constructBlocks } from "../../docs/generate/construct";

const FILE = join(__dirname, "..", "..", "docs", "construct.md");

describe("docs/construct.md", () => {
  it("says of every prop and method what the construct says (npm run docs:generate)", () => {
    const document = readFileSync(FILE, "utf8");
    expect(document).toBe(withBlocks(document, constructBlocks()));
  });
});

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { withBlocks } from "../../docs/generate/blocks";
import { protocolBlocks } from "../../docs/generate/protocol";

const FILE = join(__dirname, "..", "..", "docs", "protocol.md");

describe("docs/protocol.md", () => {
  it("says of every message, limit and name what the types say (npm run docs:generate)", () => {
    const document = readFileSync(FILE, "utf8");
    expect(document).toBe(withBlocks(document, protocolBlocks()));
  });

  it("is told of a block that is missing, and of one that nobody generates", () => {
    expect(() => withBlocks("", { limits: "" })).toThrow("lacks the blocks limits");
    const unknown = "<!-- generated: nothing -->\nx\n<!-- end -->";
    expect(() => withBlocks(unknown, {})).toThrow("no such block: nothing");
  });
});

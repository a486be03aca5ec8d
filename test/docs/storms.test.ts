import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { withBlocks } from "../../docs/generate/blocks";
import { stormBlocks } from "../../docs/generate/storms";

const read = (path: string) => readFileSync(join(__dirname, "../..", path), "utf8");

describe("what the documents say of reconnect storms", () => {
  it("is the benchmark's report in docs/limits.md (npm run docs:generate)", () => {
    const document = read("docs/limits.md");
    expect(withBlocks(document, stormBlocks())).toBe(document);
  });
});

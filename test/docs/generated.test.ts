import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { withBlocks } from "../../tools/docs/blocks";
import { DOCUMENTS } from "../../tools/docs/documents";

describe("the generated documentation blocks", () => {
  it.each(Object.keys(DOCUMENTS).map((file) => [basename(file), file]))(
    "of docs/%s match the source (npm run docs:generate)",
    (_, file) => {
      const document = readFileSync(file, "utf8");
      expect(document).toBe(withBlocks(document, DOCUMENTS[file]?.() ?? {}));
    },
  );

  it("cause an error if one is missing or unknown", () => {
    expect(() => withBlocks("", { limits: "" })).toThrow("lacks the blocks limits");
    const unknown = "<!-- generated: nothing -->\nx\n<!-- end -->";
    expect(() => withBlocks(unknown, {})).toThrow("unknown block: nothing");
  });
});

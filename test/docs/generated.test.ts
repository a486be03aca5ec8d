import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { withBlocks } from "../../tools/docs/blocks";
import { DOCUMENTS } from "../../tools/docs/documents";

describe("the generated blocks", () => {
  it.each(Object.keys(DOCUMENTS).map((file) => [basename(file), file]))(
    "of docs/%s say what the source says (npm run docs:generate)",
    (_, file) => {
      const document = readFileSync(file, "utf8");
      expect(document).toBe(withBlocks(document, DOCUMENTS[file]?.() ?? {}));
    },
  );

  it("are told of if one is missing, and if nobody generates it", () => {
    expect(() => withBlocks("", { limits: "" })).toThrow("lacks the blocks limits");
    const unknown = "<!-- generated: nothing -->\nx\n<!-- end -->";
    expect(() => withBlocks(unknown, {})).toThrow("no such block: nothing");
  });
});

/** `npm run docs:generate`: regenerates the generated blocks of the documents. */

import { readFileSync, writeFileSync } from "node:fs";
import { withBlocks } from "./blocks";
import { DOCUMENTS } from "./documents";

for (const [file, blocks] of Object.entries(DOCUMENTS)) {
  writeFileSync(file, withBlocks(readFileSync(file, "utf8"), blocks()));
}

/** `npm run docs:generate`: writes the generated blocks of the documents anew. */

import { readFileSync, writeFileSync } from "node:fs";
import { withBlocks } from "./blocks";
import { DOCUMENTS } from "./documents";

for (const [file, blocks] of Object.entries(DOCUMENTS)) {
  writeFileSync(file, withBlocks(readFileSync(file, "utf8"), blocks()));
}

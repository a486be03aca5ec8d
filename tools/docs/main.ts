/** `npm run docs:generate`: regenerates the generated blocks of the documents, and the JSON Schemas. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withBlocks } from "./blocks";
import { DOCUMENTS } from "./documents";
import { SCHEMAS, schemas } from "./schemas";

for (const [file, blocks] of Object.entries(DOCUMENTS)) {
  writeFileSync(file, withBlocks(readFileSync(file, "utf8"), blocks()));
}

mkdirSync(SCHEMAS, { recursive: true });
mkdirSync(join(SCHEMAS, "events"), { recursive: true });
for (const [file, text] of Object.entries(schemas())) writeFileSync(join(SCHEMAS, file), text);

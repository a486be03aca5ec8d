/** `npm run docs:generate`: writes the generated blocks of the documents anew. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withBlocks } from "./blocks";
import { constructBlocks } from "./construct";
import { protocolBlocks } from "./protocol";
import { stormBlocks } from "./storms";

const DOCUMENTS = {
  "protocol.md": protocolBlocks,
  "limits.md": stormBlocks,
  "construct.md": constructBlocks,
};

for (const [name, blocks] of Object.entries(DOCUMENTS)) {
  const file = join(__dirname, "..", name);
  writeFileSync(file, withBlocks(readFileSync(file, "utf8"), blocks()));
}

/** `npm run docs:generate`: writes the generated blocks of the documents anew. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withBlocks } from "./blocks";
import { protocolBlocks } from "./protocol";
import { stormBlocks } from "./storms";

for (const [name, blocks] of [
  ["protocol.md", protocolBlocks()],
  ["limits.md", stormBlocks()],
] as const) {
  const file = join(__dirname, "..", name);
  writeFileSync(file, withBlocks(readFileSync(file, "utf8"), blocks));
}

/** `npm run docs:generate`: writes the generated blocks of the documents anew. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withBlocks } from "./blocks";
import { protocolBlocks } from "./protocol";

const file = join(__dirname, "..", "protocol.md");
writeFileSync(file, withBlocks(readFileSync(file, "utf8"), protocolBlocks()));

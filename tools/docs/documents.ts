/** The documents with generated blocks, each with what its blocks should be. */

import { join } from "node:path";
import { constructBlocks } from "./construct";
import { privilegeBlocks } from "./privileges";
import { protocolBlocks } from "./protocol";
import { stormBlocks } from "./storms";

const DOCS = join(__dirname, "../../docs");

/** By the file. */
export const DOCUMENTS: Readonly<Record<string, () => Record<string, string>>> = {
  [join(DOCS, "protocol.md")]: protocolBlocks,
  [join(DOCS, "construct.md")]: constructBlocks,
  [join(DOCS, "limits.md")]: stormBlocks,
  [join(DOCS, "security.md")]: privilegeBlocks,
};

/** The documents with generated blocks. */

import { join } from "node:path";
import { boundBlocks } from "./bounds";
import { constructBlocks } from "./construct";
import { eventBlocks } from "./events";
import { privilegeBlocks } from "./privileges";
import { protocolBlocks } from "./protocol";
import { stormBlocks } from "./storms";

const DOCS = join(__dirname, "../../docs");

/** By file name: a function that generates the blocks. */
export const DOCUMENTS: Readonly<Record<string, () => Record<string, string>>> = {
  [join(DOCS, "protocol.md")]: protocolBlocks,
  [join(DOCS, "construct.md")]: constructBlocks,
  [join(DOCS, "events.md")]: eventBlocks,
  [join(DOCS, "limits.md")]: () => ({ ...boundBlocks(), ...stormBlocks() }),
  [join(DOCS, "security.md")]: privilegeBlocks,
};

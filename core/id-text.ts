/** Ids as parts of tokens, in base64url: any id fits between two dots. */

import { ID_PATTERN } from "./agent-id";

export const encodeId = (id: string): string => Buffer.from(id).toString("base64url");

/** The id that a text stands for. Undefined if it is none. Of several texts that decode to the same, one stands for it. */
export function decodeId(text: string): string | undefined {
  const id = Buffer.from(text, "base64url").toString("utf8");
  return ID_PATTERN.test(id) && encodeId(id) === text ? id : undefined;
}

/** Ids as parts of tokens, in base64url: any id fits between two dots. */

import { ID_PATTERN } from "./agent-id";

export const encodeId = (id: string): string => Buffer.from(id).toString("base64url");

/** The id that a text encodes, or undefined. Of several texts that decode to the same id, only one is accepted. */
export function decodeId(text: string): string | undefined {
  const id = Buffer.from(text, "base64url").toString("utf8");
  return ID_PATTERN.test(id) && encodeId(id) === text ? id : undefined;
}

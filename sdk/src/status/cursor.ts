/** Cursors of a list: opaque to callers, and valid only for their organization. */

import { ID_PATTERN } from "../../../core/agent-id";
import { InvalidCursorError } from "./errors";

const VERSION = "1";

/** The cursor that goes on after an agent. */
export function cursorAfter(organizationId: string, agentId: string): string {
  return Buffer.from([VERSION, organizationId, agentId].join("\n")).toString("base64url");
}

/**
 * The agent that a cursor goes on after.
 *
 * @throws InvalidCursorError if it is no cursor, or another organization's
 */
export function agentBefore(organizationId: string, cursor: string): string {
  const parts = Buffer.from(cursor, "base64url").toString("utf8").split("\n");
  const [version, organization, agentId = ""] = parts;
  const genuine =
    parts.length === 3 &&
    version === VERSION &&
    organization === organizationId &&
    ID_PATTERN.test(agentId) &&
    cursor === cursorAfter(organizationId, agentId);
  if (!genuine) {
    throw new InvalidCursorError(
      `expected a cursor from a list of organization ${organizationId}, got ${JSON.stringify(cursor.slice(0, 200))}`,
    );
  }
  return agentId;
}

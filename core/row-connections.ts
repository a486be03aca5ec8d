/**
 * The connections in a status row, stored as `<connectionId>.<keyTag>`. The tag identifies the login key, so that removing a key
 * can end the connections that used it.
 */

import { createHash } from "node:crypto";
import type { StatusRow } from "./status";

/** The only element of `displaced` if nothing was displaced: a set can't be empty. */
export const NOBODY = "-";

/** A hash of six characters: short enough for a row, and long enough to distinguish an agent's processes and keys. */
export const tagOf = (text: string): string =>
  createHash("sha256").update(text).digest("base64url").slice(0, 6);

/** The tag of a registered key. If a key is removed and added again, its tag changes. */
export const keyTagOf = ({ keyId, addedAt }: { keyId: string; addedAt: number }): string =>
  tagOf(`${keyId}#${addedAt}`);

/** The stored form of a connection. */
export const entryOf = (connectionId: string, keyTag: string): string =>
  `${connectionId}.${keyTag}`;

/** The connection and the tag of its key in a stored entry. */
export function connectionIn(entry: string): { connectionId: string; keyTag: string } {
  const at = entry.lastIndexOf(".");
  return { connectionId: entry.slice(0, at), keyTag: entry.slice(at + 1) };
}

type Connections = Pick<StatusRow, "connections" | "connectionId">;

/**
 * The connections of an agent's newest process, the most recently active one first. The others may not be open yet, or may have
 * ended: if a post fails because a connection is gone, try the next one.
 */
export function openConnections({ connections = new Set(), connectionId }: Connections): string[] {
  const ids = [...connections].map((entry) => connectionIn(entry).connectionId).sort();
  return [...ids.filter((id) => id === connectionId), ...ids.filter((id) => id !== connectionId)];
}

/** Connections that have lost the row, and may still be open. */
export const displacedConnections = ({ displaced = new Set() }: Pick<StatusRow, "displaced">) =>
  [...displaced]
    .filter((entry) => entry !== NOBODY)
    .map((entry) => connectionIn(entry).connectionId);

/**
 * A row's connections: how they are written, and the one place that says which of them reach its agent.
 *
 * Each is kept with a tag of the key that it logged in with, `<connectionId>.<keyTag>`, so that taking a key
 * away ends those that used it, and no other.
 */

import { createHash } from "node:crypto";
import type { StatusRow } from "./status";

/** What `displaced` holds where nothing was displaced: a set can't be empty. */
export const NOBODY = "-";

/** Six characters that stand for a longer text: short enough for a row, and two of an agent's never agree. */
export const tagOf = (text: string): string =>
  createHash("sha256").update(text).digest("base64url").slice(0, 6);

/** The tag of a registered key. A key that is taken away and added anew has another. */
export const keyTagOf = ({ keyId, addedAt }: { keyId: string; addedAt: number }): string =>
  tagOf(`${keyId}#${addedAt}`);

/** A connection as a row keeps it. */
export const entryOf = (connectionId: string, keyTag: string): string =>
  `${connectionId}.${keyTag}`;

/** The connection, and the key that it logged in with, of what a row keeps. */
export function connectionIn(entry: string): { connectionId: string; keyTag: string } {
  const at = entry.lastIndexOf(".");
  return { connectionId: entry.slice(0, at), keyTag: entry.slice(at + 1) };
}

type Connections = Pick<StatusRow, "connections" | "connectionId">;

/**
 * The open connections of an agent's newest process, the one that was heard last first. The others may not be
 * open yet, or not any more: whoever posts goes on to the next where one is gone.
 */
export function openConnections({ connections = new Set(), connectionId }: Connections): string[] {
  const ids = [...connections].map((entry) => connectionIn(entry).connectionId).sort();
  return [...ids.filter((id) => id === connectionId), ...ids.filter((id) => id !== connectionId)];
}

/** Connections that have lost the row to a newer one, and may still be open. */
export const displacedConnections = ({ displaced = new Set() }: Pick<StatusRow, "displaced">) =>
  [...displaced]
    .filter((entry) => entry !== NOBODY)
    .map((entry) => connectionIn(entry).connectionId);

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

/**
 * Begins the id of a connection that stands for a process which only sends heartbeats over HTTP: nothing can be posted to it. The
 * gateway's own ids have no colon.
 */
export const HTTP_CONNECTION_PREFIX = "http:";

/** The connection that stands for a process from the request on that acquires its lease. */
export const httpConnectionId = (requestId: string): string =>
  HTTP_CONNECTION_PREFIX + tagOf(requestId);

/** Whether a connection stands for a process without a WebSocket. */
export const isHttpConnection = (connectionId: string | undefined): boolean =>
  connectionId?.startsWith(HTTP_CONNECTION_PREFIX) === true;

/** The stored form of a connection. */
export const entryOf = (connectionId: string, keyTag: string): string =>
  `${connectionId}.${keyTag}`;

/** The connection and the tag of its key in a stored entry. */
export function connectionIn(entry: string): { connectionId: string; keyTag: string } {
  const at = entry.lastIndexOf(".");
  return { connectionId: entry.slice(0, at), keyTag: entry.slice(at + 1) };
}

type Connections = Pick<StatusRow, "connections" | "connectionId">;

/** Whether the row lists the connection that was active last. */
export const listsLatest = ({ connections = new Set(), connectionId }: Connections): boolean =>
  idsIn(connections).includes(connectionId);

/**
 * The WebSockets of an agent's newest process, the most recently active one first. The others may not be open yet, or may have
 * ended: if a post fails because a connection is gone, try the next one.
 */
export function openConnections({ connections = new Set(), connectionId }: Connections): string[] {
  const ids = webSocketsIn(connections).sort();
  return [...ids.filter((id) => id === connectionId), ...ids.filter((id) => id !== connectionId)];
}

/** WebSockets that have lost the row, and may still be open. */
export const displacedConnections = ({ displaced = new Set() }: Pick<StatusRow, "displaced">) =>
  webSocketsIn(displaced);

const idsIn = (entries: Set<string>): string[] =>
  [...entries].filter((entry) => entry !== NOBODY).map((entry) => connectionIn(entry).connectionId);

const webSocketsIn = (entries: Set<string>): string[] =>
  idsIn(entries).filter((id) => !isHttpConnection(id));

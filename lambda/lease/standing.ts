/** What a row says of a connection of its agent: the one judgement behind every answer but `renewed`. */

import { entryOf } from "../../core/row-connections";
import type { StatusRow } from "../../core/status";

/** A connection, and what it logged in with. */
export interface Login {
  connectionId: string;
  instanceId: string;
  /** The fencing token of the registration as the login saw it. */
  fencingToken: number;
  keyTag: string;
}

/**
 * - `holds`: one of the connections that the row lists.
 * - `superseded`: the row is a newer process's.
 * - `revoked`: the agent, or the key, was locked out after the login.
 * - `ended`: the process goes on without this connection, or nobody knows it.
 */
export type Standing = "holds" | "superseded" | "revoked" | "ended";

export function standingOf(row: StatusRow | undefined, login: Login): Standing {
  if (isLockedOut(row, login)) return "revoked";
  if (!row) return "ended";
  if (row.connections?.has(entryOf(login.connectionId, login.keyTag))) return "holds";
  const other = row.instanceId !== undefined && row.instanceId !== login.instanceId;
  return other ? "superseded" : "ended";
}

/** Whether the login is from before a lock-out. For roles without a presence that is all a row says. */
export function isLockedOut(
  row: Pick<StatusRow, "revokedAt" | "revokedKeys"> | undefined,
  { fencingToken, keyTag }: Pick<Login, "fencingToken" | "keyTag">,
): boolean {
  return (row?.revokedAt ?? 0) > fencingToken || row?.revokedKeys?.has(keyTag) === true;
}

/** Decides whether a connection still counts for its agent, by the agent's row. */

import { entryOf } from "../../core/row-connections";
import type { StatusRow } from "../../core/status";
import type { Identity } from "../shared/identity";

/** A connection and its login. */
export type Login = Pick<Identity, "instanceId" | "fencingToken" | "keyTag"> & {
  connectionId: string;
};

/**
 * - `holds`: the row lists the connection.
 * - `superseded`: the row belongs to a newer process.
 * - `revoked`: the agent or the key was locked out after the login.
 * - `ended`: the process continues without this connection, or the row is unknown.
 */
export type Standing = "holds" | "superseded" | "revoked" | "ended";

export function standingOf(row: StatusRow | undefined, login: Login): Standing {
  if (isLockedOut(row, login)) return "revoked";
  if (!row) return "ended";
  if (isListed(row, login)) return "holds";
  const other = row.instanceId !== undefined && row.instanceId !== login.instanceId;
  return other ? "superseded" : "ended";
}

/** Whether the row lists the connection as open. */
export const isListed = (
  { connections }: Pick<StatusRow, "connections">,
  { connectionId, keyTag }: Pick<Login, "connectionId" | "keyTag">,
): boolean => connections?.has(entryOf(connectionId, keyTag)) === true;

/** Whether the login precedes a lock-out. For viewers and publishers, the row contains nothing else. */
export function isLockedOut(
  row: Pick<StatusRow, "fencingToken" | "revokedKeys"> | undefined,
  { fencingToken, keyTag }: Pick<Login, "fencingToken" | "keyTag">,
): boolean {
  return (row?.fencingToken ?? 0) > fencingToken || row?.revokedKeys?.includes(keyTag) === true;
}

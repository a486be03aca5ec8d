/** Decides whether a connection still counts for its agent, by the agent's row: the one read of a route that is no heartbeat. */

import { type DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { entryOf } from "../../core/row-connections";
import type { StatusRow } from "../../core/status";
import { rowFromItem } from "../../core/status-row";
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
  if (row.connections?.has(entryOf(login.connectionId, login.keyTag))) return "holds";
  const other = row.instanceId !== undefined && row.instanceId !== login.instanceId;
  return other ? "superseded" : "ended";
}

/** Whether the login precedes a lock-out. For viewers and publishers, the row contains nothing else. */
export function isLockedOut(
  row: Pick<StatusRow, "revokedAt" | "revokedKeys"> | undefined,
  { fencingToken, keyTag }: Pick<Login, "fencingToken" | "keyTag">,
): boolean {
  return (row?.revokedAt ?? 0) > fencingToken || row?.revokedKeys?.has(keyTag) === true;
}

export interface Judgement {
  standing: Standing;
  row: StatusRow | undefined;
}

/** Whoever may send messages. */
export type Sender = Login & Pick<Identity, "organizationId" | "agentId" | "role">;

export interface Guard {
  /**
   * Half a read unit, and one more where the row seems to say no.
   *
   * @param fresh whether every write that was answered before counts, for a unit
   */
  judge(sender: Sender, fresh?: boolean): Promise<Judgement>;
}

/** Rejects with the client's error if DynamoDB fails. */
export function dynamoDbGuard(client: DynamoDBClient, TableName: string): Guard {
  return {
    async judge(sender, fresh = false) {
      const { organizationId, agentId, role } = sender;
      const Key = marshall({ organizationId, agentId });
      const command = new GetItemCommand({ TableName, Key, ConsistentRead: fresh });
      const { Item } = await client.send(command);
      const row = Item && rowFromItem(Item);
      // Viewers and publishers have no presence: their row, if there is one, is a lock-out.
      const allowed = isLockedOut(row, sender) ? "revoked" : "holds";
      const standing = role === "agent" ? standingOf(row, sender) : allowed;
      return standing === "holds" || fresh ? { standing, row } : this.judge(sender, true);
    },
  };
}

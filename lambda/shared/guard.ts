/** Decides whether a sender still counts: the one read of a route that is no heartbeat. */

import { type DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import type { StatusRow } from "../../core/status";
import { rowFromItem } from "../../core/status-row";
import { isLockedOut, type Login, type Standing, standingOf } from "../lease/standing";
import type { Identity } from "./identity";

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

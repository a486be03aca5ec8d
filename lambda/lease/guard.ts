/** Asks the row of whoever sends a message whether it counts: the one read of a route that is no heartbeat. */

import { type DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import type { StatusRow } from "../../core/status";
import { rowFromItem } from "../../core/status-row";
import type { Identity } from "../shared/identity";
import { isLockedOut, type Login, type Standing, standingOf } from "./standing";

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
  const read = async (sender: Sender, ConsistentRead: boolean): Promise<Judgement> => {
    const { organizationId, agentId } = sender;
    const Key = marshall({ organizationId, agentId });
    const { Item } = await client.send(new GetItemCommand({ TableName, Key, ConsistentRead }));
    const row = Item && rowFromItem(Item);
    if (sender.role === "agent") return { standing: standingOf(row, sender), row };
    // Viewers and publishers have no presence: their row, if there is one, is a lock-out.
    return { standing: isLockedOut(row, sender) ? "revoked" : "holds", row };
  };
  return {
    async judge(sender, fresh = false) {
      const judgement = await read(sender, fresh);
      return judgement.standing === "holds" || fresh ? judgement : read(sender, true);
    },
  };
}

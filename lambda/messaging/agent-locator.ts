/** Finds the connections that reach an agent, by its status row. */

import { type DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { openConnections } from "../../core/row-connections";
import { derivePresence } from "../../core/status";
import { rowFromItem } from "../../core/status-row";
import type { AgentLocator } from "./message-router";

export function dynamoDbAgentLocator(client: DynamoDBClient, TableName: string): AgentLocator {
  return {
    async locate(organizationId, agentId, now) {
      const Key = marshall({ organizationId, agentId });
      const { Item } = await client.send(
        new GetItemCommand({ TableName, Key, ConsistentRead: true }),
      );
      if (!Item) return [];
      const row = rowFromItem(Item);
      return derivePresence(row, now).status === "online" ? openConnections(row) : [];
    },
  };
}

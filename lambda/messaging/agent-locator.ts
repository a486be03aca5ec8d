/** Finds the connection of an agent by its status row. */

import { type DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { derivePresence } from "../../core/status";
import { rowFromItem } from "../../core/status-row";
import type { AgentLocator } from "./message-router";

export function dynamoDbAgentLocator(client: DynamoDBClient, TableName: string): AgentLocator {
  return {
    async locate(organizationId, agentId, now) {
      const Key = { organizationId: { S: organizationId }, agentId: { S: agentId } };
      const { Item } = await client.send(
        new GetItemCommand({ TableName, Key, ConsistentRead: true }),
      );
      if (!Item) return undefined;
      const { status, connectionId, instanceId } = derivePresence(rowFromItem(Item), now);
      return status === "online" ? { connectionId, agentId, instanceId } : undefined;
    },
  };
}

/** Finds the connections that reach an agent, by its status row, and whether it takes work. */

import { type DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import type { AgentPresence } from "../../core/presence";
import { openConnections } from "../../core/row-connections";
import { derivePresence, type StatusRow } from "../../core/status";
import { rowFromItem } from "../../core/status-row";
import type { AgentLocator, Located } from "./message-router";

export function dynamoDbAgentLocator(client: DynamoDBClient, TableName: string): AgentLocator {
  const online = async (organizationId: string, agentId: string, now: number) => {
    const Key = marshall({ organizationId, agentId });
    const { Item } = await client.send(
      new GetItemCommand({ TableName, Key, ConsistentRead: true }),
    );
    if (!Item) return undefined;
    const row = rowFromItem(Item);
    const presence = derivePresence(row, now);
    return presence.status === "online" ? { row, presence } : undefined;
  };
  return {
    async locate(...agent) {
      const found = await online(...agent);
      return found && processIn(found.row);
    },
    async worker(...agent) {
      const found = await online(...agent);
      const load = found && loadOf(found.presence);
      if (!found || load === undefined) return undefined;
      return { ...processIn(found.row), load };
    },
  };
}

const processIn = (row: StatusRow): Located => ({
  instanceId: row.instanceId,
  connections: openConnections(row),
  lastHeartbeatAt: row.lastHeartbeatAt,
});

/** How many messages an agent was handling at its last heartbeat; undefined if it takes no more. */
function loadOf({ activity, stalledSince }: AgentPresence): number | undefined {
  const { state = "idle", inFlight = state === "working" ? 1 : 0 } = activity ?? {};
  return stalledSince !== null || state === "draining" || state === "blocked"
    ? undefined
    : inFlight;
}

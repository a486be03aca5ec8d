/** An index on the last heartbeat: the sweep queries the oldest rows and never scans. */

import { QueryCommand } from "@aws-sdk/client-dynamodb";
import { keyOf, LEASE_MS, putRow, renewRow, tableOf, type Variant } from "./variant";

const TableName = "StatusByLastHeartbeat";
const IndexName = "byLastHeartbeat";
const table = tableOf(TableName, "organizationId", "agentId");

export const indexOnLastHeartbeat: Variant = {
  name: "index on the last heartbeat",
  what: "an index on status and last heartbeat, with which the sweep finds silent agents without a scan",
  tables: [
    {
      ...table,
      AttributeDefinitions: [
        ...(table.AttributeDefinitions ?? []),
        { AttributeName: "status", AttributeType: "S" },
        { AttributeName: "lastHeartbeatAt", AttributeType: "N" },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName,
          KeySchema: [
            { AttributeName: "status", KeyType: "HASH" },
            { AttributeName: "lastHeartbeatAt", KeyType: "RANGE" },
          ],
          Projection: { ProjectionType: "KEYS_ONLY" },
        },
      ],
    },
  ],
  connect: (input, { client }) => putRow(client, TableName, input),
  heartbeat: async (input, { client, meter }) => {
    await renewRow(client, TableName, keyOf(input), input.now);
    meter.add({ messagesOut: 1 });
  },
  sweep: async (now, { client }) => {
    await client.send(
      new QueryCommand({
        TableName,
        IndexName,
        KeyConditionExpression: "#status = :online AND lastHeartbeatAt < :silent",
        ExpressionAttributeNames: { "#status": "status" },
        ExpressionAttributeValues: {
          ":online": { S: "online" },
          ":silent": { N: String(now - LEASE_MS) },
        },
      }),
    );
  },
};

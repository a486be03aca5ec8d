/** A usual way to build a heartbeat, small but whole, so that what it costs can be counted beside ours. */

import {
  type AttributeValue,
  type CreateTableCommandInput,
  type DynamoDBClient,
  PutItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { Meter } from "../billing-units/meter";

/** A heartbeat of an agent that is online, as its function receives it. */
export interface Beat {
  organizationId: string;
  agentId: string;
  connectionId: string;
  now: number;
}

/** What a variant calls: every call is counted. */
export interface Calls {
  client: DynamoDBClient;
  meter: Meter;
}

export interface Variant {
  name: string;
  /** What is different, and who builds it so. */
  what: string;
  tables: CreateTableCommandInput[];
  /** What the variant stores when an agent connects. */
  connect(beat: Beat, calls: Calls): Promise<void>;
  /** Answers a heartbeat. */
  heartbeat(beat: Beat, calls: Calls): Promise<void>;
  /** Finds whose lease is over; undefined where it is found as here, by a scan. */
  sweep?(now: number, calls: Calls): Promise<void>;
}

export const LEASE_MS = 90_000;

/** A table with string keys, billed by request. */
export function tableOf(TableName: string, HASH: string, RANGE?: string): CreateTableCommandInput {
  const keys = [
    { AttributeName: HASH, KeyType: "HASH" as const },
    ...(RANGE === undefined ? [] : [{ AttributeName: RANGE, KeyType: "RANGE" as const }]),
  ];
  return {
    TableName,
    BillingMode: "PAY_PER_REQUEST",
    KeySchema: keys,
    AttributeDefinitions: keys.map(({ AttributeName }) => ({ AttributeName, AttributeType: "S" })),
  };
}

/** Stores the row of an agent that has connected. */
export async function putRow(client: DynamoDBClient, TableName: string, beat: Beat): Promise<void> {
  await client.send(new PutItemCommand({ TableName, Item: rowOf(beat) }));
}

/** Renews a lease by one write, as every variant does that has the agent's key. */
export async function renewRow(
  client: DynamoDBClient,
  TableName: string,
  Key: { organizationId: AttributeValue; agentId: AttributeValue },
  now: number,
): Promise<void> {
  await client.send(
    new UpdateItemCommand({
      TableName,
      Key,
      UpdateExpression: "SET lastHeartbeatAt = :now, leaseExpiresAt = :end",
      ExpressionAttributeValues: {
        ":now": { N: String(now) },
        ":end": { N: String(now + LEASE_MS) },
      },
    }),
  );
}

/** The key of an agent's row. */
export const keyOf = ({ organizationId, agentId }: Pick<Beat, "organizationId" | "agentId">) => ({
  organizationId: { S: organizationId },
  agentId: { S: agentId },
});

/** The attributes that a status row has in every design. */
function rowOf({ organizationId, agentId, connectionId, now }: Beat) {
  return {
    ...keyOf({ organizationId, agentId }),
    connectionId: { S: connectionId },
    status: { S: "online" },
    connectedAt: { N: String(now) },
    lastHeartbeatAt: { N: String(now) },
    leaseExpiresAt: { N: String(now + LEASE_MS) },
    instanceId: { S: "process-a" },
    ttlEpochSeconds: { N: String(Math.ceil(now / 1000) + 7 * 86_400) },
  };
}

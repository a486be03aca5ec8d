/**
 * A common alternative design of a heartbeat, small but complete, whose cost is compared with ours.
 */

import {
  type AttributeValue,
  type CreateTableCommandInput,
  type DynamoDBClient,
  PutItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { Meter } from "../billing-units/meter";

/** A heartbeat of an online agent, as its function receives it. */
export interface HeartbeatInput {
  organizationId: string;
  agentId: string;
  connectionId: string;
  now: number;
}

/** The resources that a variant calls. Every call is counted. */
export interface Calls {
  client: DynamoDBClient;
  meter: Meter;
}

export interface Variant {
  name: string;
  /** How the design differs, and who uses it. */
  what: string;
  tables: CreateTableCommandInput[];
  /** Stores the agent's row when it connects. */
  connect(input: HeartbeatInput, calls: Calls): Promise<void>;
  /** Answers a heartbeat. */
  heartbeat(input: HeartbeatInput, calls: Calls): Promise<void>;
  /** Finds expired leases. Undefined if the design scans, as ours does. */
  sweep?(now: number, calls: Calls): Promise<void>;
}

export const LEASE_MS = 90_000;

/** A table with string keys and on-demand billing. */
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

/** Writes the row of a connected agent. */
export async function putRow(
  client: DynamoDBClient,
  TableName: string,
  input: HeartbeatInput,
): Promise<void> {
  await client.send(new PutItemCommand({ TableName, Item: rowOf(input) }));
}

/** Renews a lease with one write, as every variant does that knows the agent's key. */
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
export const keyOf = ({
  organizationId,
  agentId,
}: Pick<HeartbeatInput, "organizationId" | "agentId">) => ({
  organizationId: { S: organizationId },
  agentId: { S: agentId },
});

/** The attributes that a status row has in every design. */
function rowOf({ organizationId, agentId, connectionId, now }: HeartbeatInput) {
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

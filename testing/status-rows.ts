/** Writes status rows as the functions leave them, for tests that only read. */

import type { StatusRow } from "@agent-heartbeat/sdk/status";
import { BatchWriteItemCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";

/** BatchWriteItem accepts at most 25 rows. */
const BATCH = 25;
const WEEK_MS = 7 * 24 * 60 * 60_000;

/** The row of an online agent: connected a minute before `now`, last heartbeat at `now`. */
export function onlineRow(now: number, overrides: Partial<StatusRow> = {}): StatusRow {
  return {
    organizationId: "acme",
    agentId: "a1",
    status: "online",
    connectionId: "A=",
    connectedAt: now - 60_000,
    onlineSince: now - 60_000,
    lastHeartbeatAt: now,
    leaseExpiresAt: now + 90_000,
    heartbeatIntervalMs: 30_000,
    instanceId: "process-a",
    ttlEpochSeconds: Math.ceil((now + 90_000 + WEEK_MS) / 1000),
    ...overrides,
  };
}

/** The row of an agent that closed its connection at `now`. */
export function offlineRow(now: number, overrides: Partial<StatusRow> = {}): StatusRow {
  const { onlineSince: _, ...row } = onlineRow(now);
  return { ...row, status: "offline", reason: "client_closed", disconnectedAt: now, ...overrides };
}

export async function putRows(
  client: DynamoDBClient,
  tableName: string,
  rows: StatusRow[],
): Promise<void> {
  for (let start = 0; start < rows.length; start += BATCH) {
    const requests = rows
      .slice(start, start + BATCH)
      .map((row) => ({ PutRequest: { Item: marshall(row) } }));
    await client.send(new BatchWriteItemCommand({ RequestItems: { [tableName]: requests } }));
  }
}

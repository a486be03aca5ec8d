/** Takes the presence of an agent that may not connect any more, by one conditional write of its status row. */

import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { DynamoDbClock } from "../status/dynamodb-clock";

export interface RevocationOptions {
  client: DynamoDBClient;
  tableName: string;
  clock: DynamoDbClock;
}

/** There is a row; a revocation never makes one. */
const row = "attribute_exists(organizationId)";

/** A connection of the row may be open: once all have ended, why and when is history, and stays. */
const notEnded = "(attribute_not_exists(disconnectedAt) OR #status = :online)";

/** The row is shown to readers. */
const notPurged = "ttlEpochSeconds > :nowSeconds";

const REVOKE =
  "SET #status = :offline, reason = :revoked, disconnectedAt = :now REMOVE onlineSince, activity, stallsAt, stalledSince";

const TOMBSTONE =
  "SET #status = :offline, reason = :revoked, disconnectedAt = if_not_exists(disconnectedAt, :now), " +
  "ttlEpochSeconds = :nowSeconds REMOVE onlineSince, activity, stallsAt, stalledSince";

/**
 * Ends an agent's online period with the reason `revoked`; the change of the row has the connection closed.
 *
 * @returns whether there was a connection to revoke
 */
export function revoke(options: RevocationOptions, organizationId: string, agentId: string) {
  return write(options, organizationId, agentId, REVOKE, `${row} AND ${notEnded}`);
}

/**
 * Revokes like `revoke`, and lets the row's retention end at once: readers hide it and DynamoDB deletes it.
 *
 * @returns whether there was a row to hide
 */
export function tombstone(options: RevocationOptions, organizationId: string, agentId: string) {
  return write(options, organizationId, agentId, TOMBSTONE, `${row} AND ${notPurged}`);
}

async function write(
  { client, tableName, clock }: RevocationOptions,
  organizationId: string,
  agentId: string,
  UpdateExpression: string,
  ConditionExpression: string,
): Promise<boolean> {
  const now = clock.now();
  try {
    await client.send(
      clock.watch(
        new UpdateItemCommand({
          TableName: tableName,
          Key: { organizationId: { S: organizationId }, agentId: { S: agentId } },
          UpdateExpression,
          ConditionExpression,
          ExpressionAttributeNames: { "#status": "status" },
          ExpressionAttributeValues: {
            ":offline": { S: "offline" },
            ...(UpdateExpression === REVOKE && { ":online": { S: "online" } }),
            ":revoked": { S: "revoked" },
            ":now": { N: String(now) },
            ...(UpdateExpression === TOMBSTONE && {
              ":nowSeconds": { N: `${Math.floor(now / 1000)}` },
            }),
          },
        }),
      ),
    );
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

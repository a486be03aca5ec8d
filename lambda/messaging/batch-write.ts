/** Writes and deletes many items of the Subscriptions table. */

import {
  type AttributeValue,
  BatchWriteItemCommand,
  type DynamoDBClient,
  type WriteRequest,
} from "@aws-sdk/client-dynamodb";

/** What names an item. */
export type ItemKey = Record<"address" | "subscriber", AttributeValue>;

/** Items of one BatchWriteItem. */
const BATCH = 25;

const ATTEMPTS = 5;

/**
 * Deletes items, if they are there. What DynamoDB does not take, however often, is left to its TTL.
 *
 * @throws the client's error if DynamoDB fails
 */
export async function deleteItems(
  client: DynamoDBClient,
  tableName: string,
  keys: readonly ItemKey[],
): Promise<void> {
  await write(
    client,
    tableName,
    keys.map((Key) => ({ DeleteRequest: { Key } })),
  );
}

/**
 * Writes items, no two of which have the same key.
 *
 * @throws Error if DynamoDB does not take all of them, however often; the client's error if it fails
 */
export async function putItems(
  client: DynamoDBClient,
  tableName: string,
  items: readonly Record<string, AttributeValue>[],
): Promise<void> {
  const refused = await write(
    client,
    tableName,
    items.map((Item) => ({ PutRequest: { Item } })),
  );
  if (refused > 0) throw new Error(`${tableName} did not take ${refused} of ${items.length} items`);
}

/** @returns how many DynamoDB did not take */
async function write(
  client: DynamoDBClient,
  tableName: string,
  requests: readonly WriteRequest[],
): Promise<number> {
  let refused = 0;
  for (let start = 0; start < requests.length; start += BATCH) {
    let batch = requests.slice(start, start + BATCH);
    for (let attempt = 0; batch.length > 0 && attempt < ATTEMPTS; attempt++) {
      const { UnprocessedItems } = await client.send(
        new BatchWriteItemCommand({ RequestItems: { [tableName]: batch } }),
      );
      batch = UnprocessedItems?.[tableName] ?? [];
    }
    refused += batch.length;
  }
  return refused;
}

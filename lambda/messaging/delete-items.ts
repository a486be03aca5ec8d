/** Deletes items of the Subscriptions table. */

import {
  type AttributeValue,
  BatchWriteItemCommand,
  type DynamoDBClient,
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
  for (let start = 0; start < keys.length; start += BATCH) {
    let requests = keys.slice(start, start + BATCH).map((Key) => ({ DeleteRequest: { Key } }));
    for (let attempt = 0; requests.length > 0 && attempt < ATTEMPTS; attempt++) {
      const { UnprocessedItems } = await client.send(
        new BatchWriteItemCommand({ RequestItems: { [tableName]: requests } }),
      );
      requests = (UnprocessedItems?.[tableName] ?? []) as typeof requests;
    }
  }
}

/**
 * Copies an organization's items out of a table and back. This is what a point-in-time restore
 * amounts to once its items are copied into the table that the functions use.
 */

import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  paginateScan,
} from "@aws-sdk/client-dynamodb";

type Item = Record<string, AttributeValue>;

/** The names of the two key attributes. */
type Keys = readonly [string, string];

export const STATUS_KEYS = ["organizationId", "agentId"] as const;
export const REGISTRY_KEYS = ["organizationId", "recordId"] as const;

export async function copyOf(
  client: DynamoDBClient,
  TableName: string,
  organizationId: string,
): Promise<Item[]> {
  const items: Item[] = [];
  for await (const page of paginateScan(
    { client },
    {
      TableName,
      ConsistentRead: true,
      FilterExpression: "organizationId = :organizationId",
      ExpressionAttributeValues: { ":organizationId": { S: organizationId } },
    },
  )) {
    items.push(...(page.Items ?? []));
  }
  return items;
}

/** Deletes all items of the organization and writes the copy. */
export async function restore(
  client: DynamoDBClient,
  TableName: string,
  organizationId: string,
  [partition, sort]: Keys,
  copy: readonly Item[],
): Promise<void> {
  for (const item of await copyOf(client, TableName, organizationId)) {
    const Key = { [partition]: item[partition], [sort]: item[sort] } as Item;
    await client.send(new DeleteItemCommand({ TableName, Key }));
  }
  for (const Item of copy) await client.send(new PutItemCommand({ TableName, Item }));
}

/** Pages through the table for rows that the sweep has to act on, in parallel segments that remember where they stopped. */

import { rowFromItem, type StatusRow } from "@agent-heartbeat/sdk/status";
import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
} from "@aws-sdk/client-dynamodb";

const hasStalled = "(stallsAt <= :now AND attribute_not_exists(stalledSince))";

const hasRecovered =
  "(attribute_exists(stalledSince) AND (attribute_not_exists(stallsAt) OR stallsAt > :now))";

/** Where a segment's next page begins. */
export type Position = Record<string, AttributeValue>;

export interface LeaseScan {
  segments: readonly number[];
  /** Where the last run stopped before the segment's end; undefined for its beginning. */
  resume(segment: number): Promise<Position | undefined>;
  /**
   * Up to a megabyte of the table: the rows stored as online whose lease was over at `overAt`, that have
   * stalled by `now`, or that are marked as stalled and advance again.
   */
  page(
    segment: number,
    position: Position | undefined,
    overAt: number,
    now: number,
  ): Promise<{ rows: StatusRow[]; next: Position | undefined }>;
  /** Remembers where the run stopped; undefined for the segment's end. */
  save(segment: number, position: Position | undefined): Promise<void>;
}

/** Partition of the registry table that holds the positions: `#` is not allowed in an organization's id. */
const SWEEP_PARTITION = "#sweep";

export interface LeaseScanOptions {
  client: DynamoDBClient;
  statusTableName: string;
  registryTableName: string;
  totalSegments: number;
}

export function dynamoDbLeaseScan(options: LeaseScanOptions): LeaseScan {
  const { client, statusTableName, registryTableName, totalSegments } = options;
  // Segments of another total divide the table otherwise, so each total has positions of its own.
  const keyOf = (segment: number) => ({
    organizationId: { S: SWEEP_PARTITION },
    recordId: { S: `segment#${segment}/${totalSegments}` },
  });
  return {
    segments: Array.from({ length: totalSegments }, (_, segment) => segment),

    async resume(segment) {
      const { Item } = await client.send(
        new GetItemCommand({ TableName: registryTableName, Key: keyOf(segment) }),
      );
      return Item?.position?.M;
    },

    async page(Segment, position, overAt, now) {
      const { Items = [], LastEvaluatedKey } = await client.send(
        new ScanCommand({
          TableName: statusTableName,
          Segment,
          TotalSegments: totalSegments,
          FilterExpression: `#status = :online AND (leaseExpiresAt < :overAt OR ${hasStalled} OR ${hasRecovered})`,
          ExpressionAttributeNames: { "#status": "status" },
          ExpressionAttributeValues: {
            ":online": { S: "online" },
            ":overAt": { N: String(overAt) },
            ":now": { N: String(now) },
          },
          ...(position && { ExclusiveStartKey: position }),
        }),
      );
      return { rows: Items.map(rowFromItem), next: LastEvaluatedKey };
    },

    async save(segment, position) {
      const [TableName, key] = [registryTableName, keyOf(segment)];
      if (position) {
        const Item = { ...key, position: { M: position } };
        await client.send(new PutItemCommand({ TableName, Item }));
      } else {
        await client.send(new DeleteItemCommand({ TableName, Key: key }));
      }
    },
  };
}

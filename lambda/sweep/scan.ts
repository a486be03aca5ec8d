/** Pages through the rows that are stored as online, in parallel segments. */

import { type AttributeValue, type DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { StatusRow } from "../../core/status";

/** What the sweep needs of a row: all else stays in the table. */
const ATTRIBUTES = [
  "organizationId",
  "agentId",
  "connectionId",
  "connectedAt",
  "connections",
  "displaced",
  "lastHeartbeatAt",
  "leaseExpiresAt",
  "heartbeatIntervalMs",
  "stallsAt",
  "stalledSince",
] as const satisfies (keyof StatusRow)[];

/** A row that is stored as online. */
export type OnlineRow = Pick<StatusRow, (typeof ATTRIBUTES)[number]>;

/** Where a segment's next page begins. */
export type Position = Record<string, AttributeValue>;

export interface LeaseScan {
  segments: readonly number[];
  /** The rows stored as online of up to a megabyte of the table. */
  page(
    segment: number,
    position: Position | undefined,
  ): Promise<{ rows: OnlineRow[]; next: Position | undefined }>;
}

/**
 * A scan is billed by what it reads, not by what it returns: all rows that are online come back, so that
 * the fleet is counted in the same read units as those that only have to be acted on.
 */
export function dynamoDbLeaseScan(
  client: DynamoDBClient,
  TableName: string,
  TotalSegments: number,
): LeaseScan {
  return {
    segments: Array.from({ length: TotalSegments }, (_, segment) => segment),

    async page(Segment, position) {
      const { Items = [], LastEvaluatedKey } = await client.send(
        new ScanCommand({
          TableName,
          Segment,
          TotalSegments,
          FilterExpression: "#status = :online",
          ProjectionExpression: ATTRIBUTES.join(", "),
          ExpressionAttributeNames: { "#status": "status" },
          ExpressionAttributeValues: { ":online": { S: "online" } },
          ...(position && { ExclusiveStartKey: position }),
        }),
      );
      return { rows: Items.map((item) => unmarshall(item) as OnlineRow), next: LastEvaluatedKey };
    },
  };
}

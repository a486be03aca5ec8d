/** Pages through the rows that are stored as online, in parallel segments. */

import { type AttributeValue, type DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { StatusRow } from "../../core/status";

/** The attributes that the sweep needs. */
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

/** A row stored as online. */
export type OnlineRow = Pick<StatusRow, (typeof ATTRIBUTES)[number]>;

/** The start of a segment's next page. */
export type Position = Record<string, AttributeValue>;

export interface LeaseScan {
  segments: readonly number[];
  /** The rows stored as online in the next megabyte of the table. */
  page(
    segment: number,
    position: Position | undefined,
  ): Promise<{ rows: OnlineRow[]; next: Position | undefined }>;
}

/**
 * A scan is billed for what it reads, not for what it returns. So it returns all rows stored as online, and the sweep counts
 * the fleet at no additional read units.
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

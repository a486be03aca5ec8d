/** Checkpoints of a scan that did not fit into one run of the sweep: the next run continues there. */

import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { SWEEP_PARTITION } from "../../core/registry-record";
import type { FleetCounts } from "./fleet-counts";
import type { Position } from "./scan";

/** How far a round has come in one segment. */
export interface Progress {
  /** Undefined once the round has reached the segment's end. */
  position: Position | undefined;
  /** What was counted so far. */
  counts: FleetCounts;
}

export interface ScanCheckpoints {
  /** The progress of a round that an earlier run left unfinished, by segment; empty for a new round. */
  resume(): Promise<Map<number, Progress>>;
  /** Leaves the round, or one of its segments, to the next run. */
  save(segment: number, progress: Progress): Promise<void>;
  /** Ends a round; `saved` are the segments whose progress is stored. */
  finish(saved: Iterable<number>): Promise<void>;
}

export function dynamoDbScanCheckpoints(
  client: DynamoDBClient,
  TableName: string,
  totalSegments: number,
): ScanCheckpoints {
  // Segments of another total divide the table otherwise, so each total has progress of its own.
  const prefix = `segments/${totalSegments}#`;
  const keyOf = (segment: number) => ({
    organizationId: { S: SWEEP_PARTITION },
    recordId: { S: `${prefix}${segment}` },
  });
  return {
    async resume() {
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: "organizationId = :sweep AND begins_with(recordId, :prefix)",
          ExpressionAttributeValues: { ":sweep": { S: SWEEP_PARTITION }, ":prefix": { S: prefix } },
        }),
      );
      return new Map(
        Items.map((item) => [Number(item.recordId?.S?.slice(prefix.length)), progressFrom(item)]),
      );
    },

    async save(segment, { position, counts }) {
      const Item = {
        ...keyOf(segment),
        ...(position && { position: { M: position } }),
        online: { N: String(counts.online) },
        overdue: { N: String(counts.overdue) },
        over: { N: String(counts.over) },
      };
      await client.send(new PutItemCommand({ TableName, Item }));
    },

    async finish(saved) {
      for (const segment of saved) {
        await client.send(new DeleteItemCommand({ TableName, Key: keyOf(segment) }));
      }
    },
  };
}

function progressFrom(item: Record<string, AttributeValue>): Progress {
  const read = (name: keyof FleetCounts) => Number(item[name]?.N ?? 0);
  return {
    position: item.position?.M,
    counts: { online: read("online"), overdue: read("overdue"), over: read("over") },
  };
}

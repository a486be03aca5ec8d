/** Checkpoints of a scan that takes several runs of the sweep. The next run continues there. */

import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { SWEEP_PARTITION } from "../../core/registry-record";
import { type FleetCounts, NO_AGENTS, type OrganizationCounts, silentOf } from "./fleet-counts";
import type { Position } from "./scan";

/** The progress of a scan in one segment. */
export interface Progress {
  /** Undefined at the segment's end. */
  position: Position | undefined;
  /** The counts so far. */
  counts: FleetCounts;
  /** The same by organization; after a run that did not finish, of those with the most silent agents. */
  organizations: OrganizationCounts;
  /** Whether the scan of the segment failed in this run. */
  failed?: true;
}

/** Organizations whose counts a checkpoint has: more would not fit into an item of a reasonable size. */
const MOST_ORGANIZATIONS = 200;

export interface ScanCheckpoints {
  /** The progress of an unfinished scan, by segment; empty for a new scan. */
  resume(): Promise<Map<number, Progress>>;
  /** Stores a segment's progress for the next run. */
  save(segment: number, progress: Progress): Promise<void>;
  /** Ends a scan. `saved` are the segments whose progress is stored. */
  finish(saved: Iterable<number>): Promise<void>;
}

export function dynamoDbScanCheckpoints(
  client: DynamoDBClient,
  TableName: string,
  totalSegments: number,
): ScanCheckpoints {
  // Another number of segments divides the table differently, so its progress is stored separately.
  const prefix = `segments/${totalSegments}#`;
  const keyOf = (segment: number) =>
    marshall({ organizationId: SWEEP_PARTITION, recordId: `${prefix}${segment}` });
  return {
    async resume() {
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: "organizationId = :sweep AND begins_with(recordId, :prefix)",
          ExpressionAttributeValues: marshall({ ":sweep": SWEEP_PARTITION, ":prefix": prefix }),
        }),
      );
      return new Map(
        Items.map((item) => [Number(item.recordId?.S?.slice(prefix.length)), progressFrom(item)]),
      );
    },

    async save(segment, { position, counts, organizations }) {
      const Item = {
        ...keyOf(segment),
        ...marshall({ ...counts, organizations: JSON.stringify(worst(organizations)) }),
        ...(position && { position: { M: position } }),
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
  const { online, overdue, stalled = 0, over, organizations = "[]" } = unmarshall(item);
  const stored: [string, Partial<FleetCounts>][] = JSON.parse(organizations);
  return {
    position: item.position?.M,
    counts: { online, overdue, stalled, over },
    // A former version stored no stalled agents.
    organizations: new Map(stored.map(([id, counts]) => [id, { ...NO_AGENTS, ...counts }])),
  };
}

const worst = (organizations: OrganizationCounts) =>
  [...organizations]
    .sort(([, one], [, other]) => silentOf(other) - silentOf(one))
    .slice(0, MOST_ORGANIZATIONS);

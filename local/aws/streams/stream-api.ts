/**
 * The DynamoDB Streams API on the wire. Its records already have the format that functions receive.
 * Skipping the SDK's conversions keeps the records of heartbeats cheap, most of which are filtered
 * out.
 */

import { openWire } from "../engine/wire";
import { LocalRuntimeError } from "../errors";

export interface StreamRecord {
  eventID: string;
  eventName: "INSERT" | "MODIFY" | "REMOVE";
  dynamodb: {
    ApproximateCreationDateTime: number;
    SequenceNumber: string;
    Keys: Record<string, unknown>;
    OldImage?: Record<string, unknown>;
    NewImage?: Record<string, unknown>;
  };
}

export interface Shard {
  ShardId: string;
  ParentShardId?: string;
}

export type IteratorPosition =
  | { ShardIteratorType: "LATEST" | "TRIM_HORIZON" }
  | { ShardIteratorType: "AFTER_SEQUENCE_NUMBER"; SequenceNumber: string };

/** A call was rejected. `type` is the error's name without namespace. */
export class StreamError extends LocalRuntimeError {
  override name = "StreamError";

  constructor(
    readonly operation: string,
    readonly type: string,
    message: string,
  ) {
    super(`${operation}: ${type}: ${message}`);
  }
}

/** The stream operations that a reader needs. They throw `StreamError` if rejected. */
export interface StreamApi {
  shards(streamArn: string): Promise<Shard[]>;
  iterator(streamArn: string, shardId: string, position: IteratorPosition): Promise<string>;
  /** `next` is undefined at the end of a closed shard. */
  records(iterator: string): Promise<{ records: StreamRecord[]; next: string | undefined }>;
  close(): void;
}

export function streamApi(endpoint: string, region: string): StreamApi {
  const wire = openWire(endpoint, region);

  async function call<T>(operation: string, input: object): Promise<T> {
    const target = `DynamoDBStreams_20120810.${operation}`;
    const { status, body } = await wire.call(target, JSON.stringify(input));
    const answer = JSON.parse(body) as Record<string, unknown>;
    if (status === 200) return answer as T;
    const type = String(answer.__type).replace(/^.*#/, "");
    throw new StreamError(operation, type, String(answer.message));
  }

  return {
    async shards(StreamArn) {
      const found: Shard[] = [];
      let ExclusiveStartShardId: string | undefined;
      do {
        const { StreamDescription } = await call<{
          StreamDescription: { Shards: Shard[]; LastEvaluatedShardId?: string };
        }>("DescribeStream", { StreamArn, ExclusiveStartShardId });
        found.push(...StreamDescription.Shards);
        ExclusiveStartShardId = StreamDescription.LastEvaluatedShardId;
      } while (ExclusiveStartShardId);
      return found;
    },
    async iterator(StreamArn, ShardId, position) {
      const input = { StreamArn, ShardId, ...position };
      return (await call<{ ShardIterator: string }>("GetShardIterator", input)).ShardIterator;
    },
    async records(ShardIterator) {
      const answer = await call<{ Records: StreamRecord[]; NextShardIterator?: string | null }>(
        "GetRecords",
        { ShardIterator, Limit: 1000 },
      );
      return { records: answer.Records, next: answer.NextShardIterator ?? undefined };
    },
    close: () => wire.close(),
  };
}

/**
 * DynamoDB Streams as it is on the wire: its records are already what functions get, and reading them
 * without a conversion and back keeps every heartbeat's record, most of which no filter lets pass, cheap.
 */

import { Agent, request } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import { LocalRuntimeError } from "../errors";

export interface StreamRecord {
  eventID: string;
  eventName: "INSERT" | "MODIFY" | "REMOVE";
  dynamodb: {
    ApproximateCreationDateTime: number;
    SequenceNumber: string;
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

/** A call was refused. `type` is the name of the error without its namespace. */
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

/** The operations of a stream that a reader needs. All throw `StreamError` if they are refused. */
export interface StreamApi {
  shards(streamArn: string): Promise<Shard[]>;
  iterator(streamArn: string, shardId: string, position: IteratorPosition): Promise<string>;
  /** `next` is undefined once a closed shard is read to its end. */
  records(iterator: string): Promise<{ records: StreamRecord[]; next: string | undefined }>;
  close(): void;
}

export function streamApi(endpoint: string, region: string): StreamApi {
  const url = new URL(endpoint);
  const secure = url.protocol === "https:";
  const agent = new (secure ? SecureAgent : Agent)({ keepAlive: true });

  function call<T>(operation: string, input: object): Promise<T> {
    const body = JSON.stringify(input);
    const options = { method: "POST", agent, headers: headersOf(operation, region) };
    return new Promise((resolve, reject) => {
      const sent = (secure ? secureRequest : request)(url, options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          try {
            const answer = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
            if (response.statusCode === 200) return resolve(answer as T);
            const type = String(answer.__type).replace(/^.*#/, "");
            reject(new StreamError(operation, type, String(answer.message)));
          } catch (error) {
            reject(error);
          }
        });
      });
      sent.on("error", reject);
      sent.end(body);
    });
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
    close: () => agent.destroy(),
  };
}

// Local engines want to see that a request is signed, and by whom; none checks the signature.
function headersOf(operation: string, region: string): Record<string, string> {
  const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, "");
  const scope = `local/${date.slice(0, 8)}/${region}/dynamodb/aws4_request`;
  return {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": `DynamoDBStreams_20120810.${operation}`,
    "X-Amz-Date": date,
    Authorization:
      `AWS4-HMAC-SHA256 Credential=${scope}, ` +
      `SignedHeaders=host;x-amz-date;x-amz-target, Signature=${"0".repeat(64)}`,
  };
}

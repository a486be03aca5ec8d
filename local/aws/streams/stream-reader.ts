/** Follows a table's stream shard by shard, and hands on the records of each in their order. */

import type { IteratorPosition, Shard, StreamApi, StreamRecord } from "./stream-api";
import { StreamError } from "./stream-api";

/** Takes records of one shard. Until it resolves, no further ones of that shard are read. */
export type RecordConsumer = (records: StreamRecord[]) => Promise<void>;

export interface StreamReaderOptions {
  api: StreamApi;
  streamArn: string;
  startingPosition: "LATEST" | "TRIM_HORIZON";
  consume: RecordConsumer;
  /** How long to wait between two reads, in milliseconds. @default 50 */
  pollIntervalMs?: number;
  /** How often to look for new shards, in milliseconds. @default 5000 */
  shardIntervalMs?: number;
  report(problem: string): void;
}

/** Records in a read from which on the next one follows at once. */
const FULL_READ = 500;

/** How long to wait after a read that failed. */
const RETRY_MS = 500;

export interface StreamReader {
  /** Ends the reading, and waits until the last records are consumed. */
  stop(): Promise<void>;
}

/** Starts reading; resolves once every shard that there is has its place to start from. */
export async function readStream(options: StreamReaderOptions): Promise<StreamReader> {
  const { api, streamArn, startingPosition, consume, report } = options;
  const { pollIntervalMs = 50, shardIntervalMs = 5000 } = options;
  const aborted = new AbortController();
  const shards = new Map<string, Promise<void>>();

  async function follow({ ShardId, ParentShardId }: Shard, from: string): Promise<void> {
    // A child's records come after those of its parent.
    if (ParentShardId !== undefined) await shards.get(ParentShardId);
    let iterator: string | undefined = from;
    let last: IteratorPosition = { ShardIteratorType: "TRIM_HORIZON" };
    while (iterator !== undefined && !aborted.signal.aborted) {
      try {
        const { records, next } = await api.records(iterator);
        if (records.length > 0) {
          await consume(records);
          const { SequenceNumber } = (records.at(-1) as StreamRecord).dynamodb;
          last = { ShardIteratorType: "AFTER_SEQUENCE_NUMBER", SequenceNumber };
        }
        iterator = next;
        // After a few records too: under load, many small reads would cost more than the records do.
        const more = next === undefined || records.length >= FULL_READ;
        if (!more) await pause(pollIntervalMs, aborted.signal);
      } catch (error) {
        if (aborted.signal.aborted) return;
        report(`The stream ${streamArn}: ${(error as Error).message}`);
        await pause(RETRY_MS, aborted.signal);
        const expired = error instanceof StreamError && /Expired|Trimmed/.test(error.type);
        if (expired) iterator = await api.iterator(streamArn, ShardId, last).catch(() => from);
      }
    }
  }

  async function discover(position: "LATEST" | "TRIM_HORIZON"): Promise<void> {
    for (const shard of await api.shards(streamArn)) {
      const { ShardId } = shard;
      if (shards.has(ShardId)) continue;
      const from = await api.iterator(streamArn, ShardId, { ShardIteratorType: position });
      shards.set(ShardId, follow(shard, from));
    }
  }

  await discover(startingPosition);
  const discovery = (async () => {
    while (!aborted.signal.aborted) {
      await pause(shardIntervalMs, aborted.signal);
      if (aborted.signal.aborted) return;
      // A shard that is new began after the reading did.
      await discover("TRIM_HORIZON").catch((error: Error) => report(error.message));
    }
  })();
  return {
    async stop() {
      aborted.abort();
      await Promise.all([discovery, ...shards.values()]);
    },
  };
}

/** Resolves after a while, or as soon as the signal says so. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timeout);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timeout = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}

/** Reads a table's stream shard by shard, and passes on the records of each shard in order. */

import type { IteratorPosition, Shard, StreamApi, StreamRecord } from "./stream-api";
import { StreamError } from "./stream-api";

/** Receives records of one shard. The next records of the shard are read when it resolves. */
export type RecordConsumer = (records: StreamRecord[]) => Promise<void>;

export interface StreamReaderOptions {
  api: StreamApi;
  streamArn: string;
  startingPosition: "LATEST" | "TRIM_HORIZON";
  consume: RecordConsumer;
  /** Pause between two reads, in milliseconds. @default 50 */
  pollIntervalMs?: number;
  /** Pause between two look-ups of new shards, in milliseconds. @default 5000 */
  shardIntervalMs?: number;
  report(problem: string): void;
}

/** After a read with this many records, the next one follows at once. */
const FULL_READ = 500;

/** Pause after a failed read. */
const RETRY_MS = 500;

export interface StreamReader {
  /** Stops reading, and waits until the last records are consumed. */
  stop(): Promise<void>;
}

/** Starts reading. Resolves when every existing shard has a start position. */
export async function readStream(options: StreamReaderOptions): Promise<StreamReader> {
  const { api, streamArn, startingPosition, consume, report } = options;
  const { pollIntervalMs = 50, shardIntervalMs = 5000 } = options;
  const aborted = new AbortController();
  const shards = new Map<string, Promise<void>>();

  async function follow({ ShardId, ParentShardId }: Shard, from: string): Promise<void> {
    // A child shard is read after its parent.
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
        // Pauses after small reads too: under load, many small reads would cost more than the
        // records.
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
      // A new shard began after reading started.
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

/** Resolves after a delay, or as soon as the signal is aborted. */
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

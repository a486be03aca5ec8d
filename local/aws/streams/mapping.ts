/**
 * Emulates an event source mapping: filters a stream's records and passes them to a function in
 * batches.
 */

import { createHash } from "node:crypto";
import type { Clock } from "../clock";
import { FunctionThrottled } from "../functions/concurrency";
import type { Invocable } from "../functions/local-function";
import type { MappingDescription } from "../resources/event-source-mapping";
import type { StreamRecord } from "./stream-api";

export interface MappingOptions {
  description: MappingDescription;
  target: Invocable;
  clock: Clock;
  region: string;
  /** Waits before a retry. */
  pause(ms: number): Promise<void>;
  /** Called after a failed attempt. */
  report(problem: string): void;
  /** Receives discarded records, which AWS would describe in the dead-letter queue. */
  discard(records: StreamRecord[], reason: string): void;
  /** Whether to give up at once because the runtime is stopping. */
  stopping(): boolean;
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 10_000;

/**
 * Returns a consumer of the records of one shard. Those of an item are processed in order: a failed batch is retried
 * before any later record of its lane is processed, of which there are as many as the mapping's parallelization factor.
 */
export function mappingConsumer(options: MappingOptions) {
  const { description, region } = options;
  const { filters, batchSize, streamArn } = description;
  return async (records: StreamRecord[]): Promise<void> => {
    const wanted = records.filter(
      (record) => filters.length === 0 || filters.some((matches) => matches(record)),
    );
    const lanes = new Map<number, StreamRecord[]>();
    for (const record of wanted) {
      const lane = laneOf(record, description.parallelizationFactor);
      lanes.set(lane, [...(lanes.get(lane) ?? []), record]);
    }
    await Promise.all(
      [...lanes.values()].map(async (lane) => {
        for (let start = 0; start < lane.length; start += batchSize) {
          const batch = lane.slice(start, start + batchSize).map((record) => ({
            ...record,
            eventVersion: "1.1",
            eventSource: "aws:dynamodb",
            awsRegion: region,
            eventSourceARN: streamArn,
          }));
          await deliver(batch, 0, options);
        }
      }),
    );
  };
}

/** By the item's key, so that its records stay in one lane. */
function laneOf({ dynamodb }: StreamRecord, lanes: number): number {
  const key = JSON.stringify(Object.entries(dynamodb.Keys).sort());
  return createHash("sha256").update(key).digest().readUInt32BE() % lanes;
}

/** Delivers or discards a batch. `failures` counts the previous attempts of its first record. */
async function deliver(
  batch: StreamRecord[],
  failures: number,
  options: MappingOptions,
): Promise<void> {
  const { description, clock, discard, report, pause, stopping } = options;
  let rest = batch;
  let tries = failures;
  let pauses = failures;
  while (rest.length > 0) {
    const fresh = rest.filter((record) => ageOf(record, clock) <= description.maxRecordAgeMs);
    if (fresh.length < rest.length) {
      discard(
        rest.filter((record) => !fresh.includes(record)),
        "they are too old",
      );
      rest = fresh;
      continue;
    }
    const { left, problem, throttled } = await attempt(rest, options);
    if (problem === undefined) return;
    report(`The mapping ${description.logicalId}: ${problem}`);
    pauses = left.length < rest.length ? 1 : pauses + 1;
    // Partial success counts as progress: the remaining records start without failures.
    if (!throttled) tries = left.length < rest.length ? 1 : tries + 1;
    rest = left;
    if (tries > description.maxRetries) {
      discard(rest, problem);
      return;
    }
    if (stopping()) return;
    await pause(Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (pauses - 1)));
    if (stopping()) return;
    // A throttled call says nothing about the records.
    if (throttled) continue;
    if (description.bisectsOnError && rest.length > 1) {
      const half = Math.ceil(rest.length / 2);
      await deliver(rest.slice(0, half), tries - 1, options);
      rest = rest.slice(half);
      tries = 0;
      pauses = 0;
    }
  }
}

/** Makes one invocation. Returns the records to retry, and why. */
async function attempt(
  records: StreamRecord[],
  { description, target }: MappingOptions,
): Promise<{ left: StreamRecord[]; problem?: string; throttled?: boolean }> {
  let result: unknown;
  try {
    result = await target.invoke({ Records: records });
  } catch (error) {
    const throttled = error instanceof FunctionThrottled;
    return { left: records, problem: (error as Error).message, throttled };
  }
  if (!description.reportsItemFailures) return { left: [] };
  const failed = failedItems(result);
  if (failed === undefined)
    return { left: records, problem: "expected a list of batchItemFailures" };
  if (failed.size === 0) return { left: [] };
  // The failed record with the lowest sequence number is a checkpoint: it and everything after it is retried. If a name is not
  // that of a record, everything is: https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
  const sequence = records.map(({ dynamodb }) => dynamodb.SequenceNumber);
  const first = Math.min(...[...failed].map((name) => sequence.indexOf(name)));
  return { left: records.slice(Math.max(0, first)), problem: `${failed.size} records failed` };
}

/** Undefined if the result is not a `ReportBatchItemFailures` response. */
function failedItems(result: unknown): Set<string> | undefined {
  const { batchItemFailures } = (result ?? {}) as Record<string, unknown>;
  if (batchItemFailures === undefined || batchItemFailures === null) return new Set();
  if (!Array.isArray(batchItemFailures)) return undefined;
  return new Set(
    batchItemFailures.map((item) => String((item as Record<string, unknown>).itemIdentifier)),
  );
}

function ageOf({ dynamodb }: StreamRecord, clock: Clock): number {
  return clock.now() - dynamodb.ApproximateCreationDateTime * 1000;
}

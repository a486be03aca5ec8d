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

/** Records that are read ahead of the function, of all lanes. */
const MOST_WAITING = 1000;

/**
 * The consumer of the records of one shard, in as many lanes as the mapping's parallelization factor. Those of an item are in
 * one lane and processed in order: a failed batch is retried before any later record of its lane, and holds up no other lane.
 */
export class MappingConsumer {
  readonly #lanes = new Map<number, { waiting: StreamRecord[]; work: Promise<void> | undefined }>();
  #waiting = 0;

  constructor(private readonly options: MappingOptions) {}

  /** Resolves when there is room for more records. */
  async consume(records: readonly StreamRecord[]): Promise<void> {
    const { filters, parallelizationFactor } = this.options.description;
    for (const record of records) {
      if (filters.length > 0 && !filters.some((matches) => matches(record))) continue;
      const number = laneOf(record, parallelizationFactor);
      const lane = this.#lanes.get(number) ?? { waiting: [], work: undefined };
      this.#lanes.set(number, lane);
      lane.waiting.push(record);
      this.#waiting += 1;
    }
    for (const lane of this.#lanes.values()) {
      lane.work ??= this.#work(lane.waiting).finally(() => {
        lane.work = undefined;
      });
    }
    for (let works = this.#works(); this.#waiting > MOST_WAITING && works.length > 0; ) {
      await Promise.race(works);
      works = this.#works();
    }
  }

  /** Resolves when all records have been processed, or the runtime is stopping. */
  async settled(): Promise<void> {
    await Promise.all(this.#works());
  }

  #works(): Promise<void>[] {
    return [...this.#lanes.values()].flatMap(({ work }) => work ?? []);
  }

  async #work(waiting: StreamRecord[]): Promise<void> {
    const { batchSize, streamArn } = this.options.description;
    while (waiting.length > 0 && !this.options.stopping()) {
      const batch = waiting.splice(0, batchSize).map((record) => ({
        ...record,
        eventVersion: "1.1",
        eventSource: "aws:dynamodb",
        awsRegion: this.options.region,
        eventSourceARN: streamArn,
      }));
      await deliver(batch, 0, this.options);
      this.#waiting -= batch.length;
    }
  }
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

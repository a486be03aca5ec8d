/** AWS::Lambda::EventSourceMapping of a table's stream. */

import { LocalRuntimeError } from "../errors";
import { type Pattern, parsePattern } from "../events/pattern";
import { shortIdOf } from "./identity";
import { kind } from "./kind";
import type { PropertyReader } from "./properties";

export interface MappingDescription {
  logicalId: string;
  streamArn: string;
  /** The name or ARN of a function. */
  functionName: string;
  startingPosition: "LATEST" | "TRIM_HORIZON";
  batchSize: number;
  batchingWindowMs: number;
  /** A record passes if it matches any filter. Without filters all records pass. */
  filters: Pattern[];
  reportsItemFailures: boolean;
  bisectsOnError: boolean;
  /** Batches of a shard that are under way at once; those of one item are one after the other. */
  parallelizationFactor: number;
  /** Infinity: retries until the records expire. */
  maxRetries: number;
  /** Older records are discarded. Infinity: none are. */
  maxRecordAgeMs: number;
}

export const mappingKind = kind((identity) => ({ ref: shortIdOf(identity) }));

export function describeMapping(reader: PropertyReader): MappingDescription {
  const filters = reader.object("FilterCriteria").list<{ Pattern: string }>("Filters");
  const retries = reader.number("MaximumRetryAttempts", -1);
  const ageSeconds = reader.number("MaximumRecordAgeInSeconds", -1);
  return {
    logicalId: reader.logicalId,
    streamArn: reader.text("EventSourceArn"),
    functionName: reader.text("FunctionName"),
    startingPosition: reader.oneOf("StartingPosition", ["LATEST", "TRIM_HORIZON"]),
    batchSize: reader.number("BatchSize", 100),
    batchingWindowMs: reader.number("MaximumBatchingWindowInSeconds", 0) * 1000,
    filters: filters.map(({ Pattern }) => patternOf(reader, Pattern)),
    reportsItemFailures: reader
      .list<string>("FunctionResponseTypes")
      .includes("ReportBatchItemFailures"),
    bisectsOnError: reader.flag("BisectBatchOnFunctionError"),
    parallelizationFactor: reader.number("ParallelizationFactor", 1),
    maxRetries: retries < 0 ? Number.POSITIVE_INFINITY : retries,
    maxRecordAgeMs: ageSeconds < 0 ? Number.POSITIVE_INFINITY : ageSeconds * 1000,
  };
}

function patternOf(reader: PropertyReader, text: string): Pattern {
  try {
    return parsePattern(JSON.parse(text));
  } catch (cause) {
    const problem = `${reader.logicalId}.FilterCriteria: ${(cause as Error).message}`;
    throw new LocalRuntimeError(problem, { cause });
  }
}

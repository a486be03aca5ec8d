/** Starts the template's event source mappings. */

import type { Clock } from "../clock";
import { LocalRuntimeError } from "../errors";
import type { Invocable } from "../functions/local-function";
import type { MappingDescription } from "../resources/event-source-mapping";
import { MappingConsumer } from "./mapping";
import { streamApi } from "./stream-api";
import { pause, readStream } from "./stream-reader";

export interface MappingSetup {
  region: string;
  /** The pause between two reads of a stream, in milliseconds. @default - that of the reader */
  pollIntervalMs?: number;
  dynamoDbEndpoint: string;
  common: { functionOf(name: string): Invocable; clock: Clock; report(problem: string): void };
  /** Gets what ends the readers. */
  closing: (() => unknown)[];
}

/**
 * Reads the stream of each mapping, and passes its records to the function.
 *
 * @param streams the tables' streams, by the ARNs in the template
 * @throws LocalRuntimeError if a mapping is of another stream
 */
export async function startMappings(
  mappings: readonly MappingDescription[],
  streams: Map<string, string>,
  { dynamoDbEndpoint, region, pollIntervalMs, common, closing }: MappingSetup,
): Promise<void> {
  const api = streamApi(dynamoDbEndpoint, region);
  closing.push(() => api.close());
  for (const description of mappings) {
    const streamArn = streams.get(description.streamArn);
    if (streamArn === undefined) {
      throw new LocalRuntimeError(
        `${description.logicalId}: expected a table with the stream ${description.streamArn}`,
      );
    }
    const stopping = new AbortController();
    const consumer = new MappingConsumer({
      description,
      target: common.functionOf(description.functionName),
      clock: common.clock,
      region,
      pause: (ms) => pause(ms, stopping.signal),
      report: common.report,
      discard: (records, reason) =>
        common.report(
          `${description.logicalId}: ${records.length} records are given up: ${reason}`,
        ),
      stopping: () => stopping.signal.aborted,
    });
    const reader = await readStream({
      api,
      streamArn,
      startingPosition: description.startingPosition,
      report: common.report,
      ...(pollIntervalMs !== undefined && { pollIntervalMs }),
      consume: (records) => consumer.consume(records),
    });
    closing.push(async () => {
      stopping.abort();
      await reader.stop();
      await consumer.settled();
    });
  }
}

/** Counts what AWS bills: units of DynamoDB by the engine's own count, messages, invocations, events, log bytes. */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { Log } from "../../../lambda/shared/log";
import type { CountBy, MetricsSink } from "../../../lambda/shared/metrics";

/** What one operation costs. */
export interface Units {
  /** Messages from clients to the gateway. */
  messagesIn: number;
  /** Messages from the gateway to clients: replies and posts. */
  messagesOut: number;
  invocations: number;
  writeUnits: number;
  readUnits: number;
  /** Calls to `@connections`. */
  connectionCalls: number;
  busEvents: number;
  logBytes: number;
}

interface Capacity {
  ReadCapacityUnits?: number;
  WriteCapacityUnits?: number;
  CapacityUnits?: number;
}

const READS = new Set(["GetItemCommand", "QueryCommand", "ScanCommand"]);

export class Meter {
  #units = nothing();

  /** A client whose every call is counted, with the units of indexes. */
  watch(client: DynamoDBClient): DynamoDBClient {
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          Object.assign(args.input, { ReturnConsumedCapacity: "INDEXES" });
          try {
            const result = await next(args);
            const { ConsumedCapacity } = result.output as { ConsumedCapacity?: unknown };
            this.#count(String(commandName), ConsumedCapacity);
            return result;
          } catch (error) {
            // A condition that is not met costs what the write would have.
            if ((error as Error).name === "ConditionalCheckFailedException") {
              this.#units.writeUnits += 1;
            }
            throw error;
          }
        },
      { step: "initialize" },
    );
    return client;
  }

  readonly log: Log = {
    info: (line: unknown) => this.#logged(line),
    warn: (line: unknown) => this.#logged(line),
    error: (line: unknown) => this.#logged(line),
  };

  /** Embedded metrics are lines of the log: one for all of an invocation's. */
  metrics(): MetricsSink {
    let values: Record<string, number> = {};
    return {
      addMetric: (name, _unit, value) => {
        values[name] = value;
      },
      publishStoredMetrics: () => {
        this.#logged({
          _aws: { CloudWatchMetrics: [{ Metrics: Object.keys(values) }] },
          ...values,
        });
        values = {};
      },
    };
  }

  readonly count: CountBy = (name, dimension, value) => {
    const CloudWatchMetrics = [{ Metrics: [name], Dimensions: [Object.keys(dimension)] }];
    this.#logged({ _aws: { CloudWatchMetrics }, ...dimension, [name]: value });
  };

  add(units: Partial<Units>): void {
    for (const [name, value] of Object.entries(units)) this.#units[name as keyof Units] += value;
  }

  /** What was counted since the last time. */
  take(): Units {
    const units = this.#units;
    this.#units = nothing();
    return units;
  }

  #count(command: string, consumed: unknown): void {
    const parts = [consumed].flat().filter(Boolean) as Capacity[];
    const units = parts.reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
    this.#units[READS.has(command) ? "readUnits" : "writeUnits"] += units;
  }

  #logged(line: unknown): void {
    this.#units.logBytes += Buffer.byteLength(JSON.stringify(line)) + 1;
  }
}

function nothing(): Units {
  return {
    messagesIn: 0,
    messagesOut: 0,
    invocations: 0,
    writeUnits: 0,
    readUnits: 0,
    connectionCalls: 0,
    busEvents: 0,
    logBytes: 0,
  };
}

/**
 * Counts billable units: DynamoDB units as reported by the engine, messages, invocations, events
 * and log bytes.
 */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { Log } from "../../../lambda/shared/log";
import type { CountBy, MetricsSink } from "../../../lambda/shared/metrics";

/** The cost of one operation. */
export interface Units {
  /** Messages from clients to the gateway. */
  messagesIn: number;
  /** Messages from the gateway to clients: replies and posts. */
  messagesOut: number;
  invocations: number;
  writeUnits: number;
  readUnits: number;
  /** Write units of the status table, which are among the write units. */
  statusWriteUnits: number;
  /** Read units of the status table, which are among the read units. */
  statusReadUnits: number;
  /** Calls to `@connections`. */
  connectionCalls: number;
  busEvents: number;
  logBytes: number;
}

interface Capacity {
  TableName?: string;
  ReadCapacityUnits?: number;
  WriteCapacityUnits?: number;
  CapacityUnits?: number;
}

type CancelledWrite = Record<string, { TableName: string }>;

const READS = new Set(["GetItemCommand", "QueryCommand", "ScanCommand"]);

export class Meter {
  readonly #statusTableName: string | undefined;
  #units = noUnits();

  constructor(statusTableName?: string) {
    this.#statusTableName = statusTableName;
  }

  /** A client whose calls are counted, including the units of indexes. */
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
            // A failed condition is billed like the write itself.
            if ((error as Error).name === "ConditionalCheckFailedException") {
              const { TableName } = args.input as { TableName?: string };
              this.#count(String(commandName), { TableName, CapacityUnits: 1 });
            }
            // So is each write of a transaction that is cancelled, twice.
            const { TransactItems = [] } = args.input as { TransactItems?: CancelledWrite[] };
            if ((error as Error).name === "TransactionCanceledException") {
              const tables = TransactItems.flatMap((item) => Object.values(item));
              this.#count(
                String(commandName),
                tables.map(({ TableName }) => ({ TableName, CapacityUnits: 2 })),
              );
            }
            throw error;
          }
        },
      { step: "initialize" },
    );
    return client;
  }

  readonly log: Log = {
    info: (line: unknown) => this.#countLog(line),
    warn: (line: unknown) => this.#countLog(line),
    error: (line: unknown) => this.#countLog(line),
  };

  /** Embedded metrics are log lines: one line for all metrics of an invocation. */
  metrics(): MetricsSink {
    let values: Record<string, number> = {};
    return {
      addMetric: (name, _unit, value) => {
        values[name] = value;
      },
      publishStoredMetrics: () => {
        this.#countLog({
          _aws: { CloudWatchMetrics: [{ Metrics: Object.keys(values) }] },
          ...values,
        });
        values = {};
      },
    };
  }

  readonly count: CountBy = (name, dimension, value) => {
    const CloudWatchMetrics = [{ Metrics: [name], Dimensions: [Object.keys(dimension)] }];
    this.#countLog({ _aws: { CloudWatchMetrics }, ...dimension, [name]: value });
  };

  add(units: Partial<Units>): void {
    for (const [name, value] of Object.entries(units)) this.#units[name as keyof Units] += value;
  }

  /** Returns the counts since the last call, and resets them. */
  take(): Units {
    const units = this.#units;
    this.#units = noUnits();
    return units;
  }

  #count(command: string, consumed: unknown): void {
    const parts = [consumed].flat().filter(Boolean) as Capacity[];
    const reads = READS.has(command);
    for (const { TableName, CapacityUnits = 0 } of parts) {
      this.#units[reads ? "readUnits" : "writeUnits"] += CapacityUnits;
      if (TableName !== this.#statusTableName) continue;
      this.#units[reads ? "statusReadUnits" : "statusWriteUnits"] += CapacityUnits;
    }
  }

  #countLog(line: unknown): void {
    this.#units.logBytes += Buffer.byteLength(JSON.stringify(line)) + 1;
  }
}

function noUnits(): Units {
  return {
    messagesIn: 0,
    messagesOut: 0,
    invocations: 0,
    writeUnits: 0,
    readUnits: 0,
    statusWriteUnits: 0,
    statusReadUnits: 0,
    connectionCalls: 0,
    busEvents: 0,
    logBytes: 0,
  };
}

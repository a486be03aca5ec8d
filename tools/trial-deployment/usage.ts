/** AWS usage of a trial deployment according to CloudWatch, and its cost. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type CloudWatchClient,
  type MetricDataQuery,
  paginateGetMetricData,
} from "@aws-sdk/client-cloudwatch";
import { type Bill, billOf } from "../../cli/src/cost/bill";
import { REGIONS, type Region } from "../../cli/src/cost/fleet";
import { pricesIn } from "../../cli/src/cost/prices";
import type { Resource } from "./stack";

const MINUTE_MS = 60_000;
/** CloudWatch metrics are complete after a few minutes. */
const POLL_INTERVAL_MS = 30_000;
const MAX_POLLS = 12;
const STABLE_POLLS = 3;

type Quantity =
  | "messages"
  | "connections"
  | "invocations"
  | "milliseconds"
  | "writeUnits"
  | "readUnits"
  | "logBytes";

export type Usage = Record<Quantity | "gbSeconds", number>;

export const NO_USAGE: Readonly<Usage> = {
  messages: 0,
  connections: 0,
  invocations: 0,
  milliseconds: 0,
  gbSeconds: 0,
  writeUnits: 0,
  readUnits: 0,
  logBytes: 0,
};

interface Measured {
  quantity: Quantity;
  namespace: string;
  metric: string;
  dimensions: Record<string, string>;
  /** The function's memory, which determines its price. */
  memoryMb?: number;
}

/** The billed metrics of a stack's resources. */
export function measuredOf(
  resources: readonly Resource[],
  memoryOf: (logicalId: string) => number,
): Measured[] {
  return resources.flatMap(({ type, id, logicalId }): Measured[] => {
    switch (type) {
      case "AWS::ApiGatewayV2::Api": {
        const common = { namespace: "AWS/ApiGateway", dimensions: { ApiId: id } };
        return [
          { ...common, quantity: "messages", metric: "MessageCount" },
          { ...common, quantity: "connections", metric: "ConnectCount" },
        ];
      }
      case "AWS::Lambda::Function": {
        const common = { namespace: "AWS/Lambda", dimensions: { FunctionName: id } };
        return [
          { ...common, quantity: "invocations", metric: "Invocations" },
          {
            ...common,
            quantity: "milliseconds",
            metric: "Duration",
            memoryMb: memoryOf(logicalId),
          },
        ];
      }
      case "AWS::DynamoDB::Table": {
        const common = { namespace: "AWS/DynamoDB", dimensions: { TableName: id } };
        return [
          { ...common, quantity: "writeUnits", metric: "ConsumedWriteCapacityUnits" },
          { ...common, quantity: "readUnits", metric: "ConsumedReadCapacityUnits" },
        ];
      }
      case "AWS::Logs::LogGroup": {
        const dimensions = { LogGroupName: id };
        return [
          { namespace: "AWS/Logs", dimensions, quantity: "logBytes", metric: "IncomingBytes" },
        ];
      }
      default:
        return [];
    }
  });
}

/** Memory of each function in a template, in MB, by logical id. */
export function memoryIn(assembly: string, stackName: string): (logicalId: string) => number {
  const file = join(assembly, `${stackName}.template.json`);
  const { Resources } = JSON.parse(readFileSync(file, "utf8"));
  return (logicalId) => Resources[logicalId]?.Properties?.MemorySize ?? 128;
}

/** @param from epoch milliseconds, like `to` */
export async function usageBetween(
  client: CloudWatchClient,
  measured: readonly Measured[],
  { from, to }: { from: number; to: number },
): Promise<Usage> {
  const usage = { ...NO_USAGE };
  const MetricDataQueries = measured.map(
    ({ namespace, metric, dimensions }, index): MetricDataQuery => ({
      Id: `m${index}`,
      MetricStat: {
        Metric: {
          Namespace: namespace,
          MetricName: metric,
          Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
        },
        Period: 60,
        Stat: "Sum",
      },
    }),
  );
  const StartTime = new Date(Math.floor(from / MINUTE_MS) * MINUTE_MS);
  const EndTime = new Date(Math.ceil(to / MINUTE_MS) * MINUTE_MS);
  const pages = paginateGetMetricData({ client }, { MetricDataQueries, StartTime, EndTime });
  for await (const { MetricDataResults = [] } of pages) {
    for (const { Id = "", Values = [] } of MetricDataResults) {
      const metric = measured[Number(Id.slice(1))];
      if (!metric) continue;
      const sum = Values.reduce((total, value) => total + value, 0);
      usage[metric.quantity] += sum;
      if (metric.memoryMb) usage.gbSeconds += (sum / 1000) * (metric.memoryMb / 1024);
    }
  }
  return usage;
}

/**
 * Polls until CloudWatch returned the same values several times, or until the maximum number of
 * polls.
 */
export async function settledUsage(
  poll: () => Promise<Usage>,
  wait: (ms: number) => Promise<void>,
): Promise<Usage> {
  let usage = await poll();
  for (let polls = 1, same = 1; polls < MAX_POLLS && same < STABLE_POLLS; polls++) {
    await wait(POLL_INTERVAL_MS);
    const next = await poll();
    same = sumOf(next) === sumOf(usage) && sumOf(next) > 0 ? same + 1 : 1;
    usage = next;
  }
  return usage;
}

const sumOf = (usage: Usage) => Object.values(usage).reduce((sum, value) => sum + value, 0);

/**
 * The cost of the given usage. Connection minutes have no metric: each connection is counted for
 * the whole duration. Events on the bus, alarms, hosting of the dashboard and requests to
 * CloudWatch are not counted.
 *
 * @returns the bill, and the region whose prices apply: the trial's, or the first one in the table
 */
export function costOf(
  usage: Usage,
  { region, minutes }: { region: string; minutes: number },
): Bill & { pricesOf: Region } {
  const pricesOf = REGIONS.find((known) => known === region) ?? REGIONS[0];
  const bill = billOf(
    [
      ["API Gateway", "messages", "webSocketMessage", usage.messages],
      [
        "API Gateway",
        "connection minutes, at most",
        "connectionMinute",
        usage.connections * minutes,
      ],
      ["Lambda", "invocations", "lambdaRequest", usage.invocations],
      ["Lambda", "GB-seconds", "lambdaGbSecond", usage.gbSeconds],
      ["DynamoDB", "write units", "writeUnit", usage.writeUnits],
      ["DynamoDB", "read units", "readUnit", usage.readUnits],
      ["CloudWatch", "GB of logs", "logGb", usage.logBytes / 1e9],
    ],
    pricesIn(pricesOf),
  );
  return { ...bill, pricesOf };
}

/** The routes with or without the real engine, recording everything they write, log and send. */

import type { WriteRequest } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { clientOf, type Engine } from "../engine";
import { ConnectionsRecorder, LogRecorder, MetricsRecorder, OPEN_GUARD } from "../presence";
import { composeRoutes } from "../routes";

type Key = Record<string, string>;

/** Commands that have a key but don't write. */
const READS = new Set(["GetItemCommand", "QueryCommand"]);

/** Fake tables that are always empty and accept every write. */
const NO_ENGINE = {
  endpoint: "http://127.0.0.1:1",
  statusTableName: "AgentStatus",
  registryTableName: "AgentRegistry",
  subscriptionsTableName: "Subscriptions",
};

/** @param engine without it, every write succeeds and nothing is found */
export function serviceOver(engine?: Engine) {
  const client = clientOf((engine ?? NO_ENGINE).endpoint);
  const written: Key[] = [];
  client.middlewareStack.add((next, { commandName }) => async (args) => {
    if (!READS.has(String(commandName))) {
      written.push(...keysWritten(args.input as Record<string, unknown>));
    }
    return engine ? next(args) : { output: { $metadata: {} }, response: {} };
  });
  const [log, metrics, connections] = [
    new LogRecorder(),
    new MetricsRecorder(),
    new ConnectionsRecorder(),
  ];
  const service = composeRoutes({
    client,
    engine: engine ?? NO_ENGINE,
    connections,
    ...(!engine && { guard: OPEN_GUARD }),
    log,
    metrics: metrics.sink,
  });
  return {
    ...service,
    connections,
    log,
    metrics,
    /** The key of every item that was written, in order. */
    written,
    close: () => client.destroy(),
  };
}

export type Service = ReturnType<typeof serviceOver>;

/** The keys in a command's input. For an item, they are its table's key attributes. */
function keysWritten(input: Record<string, unknown>): Key[] {
  const { Key, Item, RequestItems } = input as Record<string, never>;
  const names = ["organizationId", "agentId", "recordId", "address", "subscriber"];
  const keyOf = (item: never): Key => {
    const plain = unmarshall(item) as Key;
    return Object.fromEntries(Object.entries(plain).filter(([name]) => names.includes(name)));
  };
  if (Item) return [keyOf(Item)];
  if (Key) return [keyOf(Key)];
  const batches = Object.values((RequestItems ?? {}) as Record<string, WriteRequest[]>);
  return batches
    .flat()
    .map(({ PutRequest, DeleteRequest }) =>
      keyOf((PutRequest?.Item ?? DeleteRequest?.Key) as never),
    );
}

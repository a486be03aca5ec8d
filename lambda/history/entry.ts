/** Composes the `history` function. */

import { StatusReader } from "@agent-heartbeat/sdk/status";
import { dynamoDb, guard, senderRates, stageConnections } from "../shared/compose";
import { routeMetrics } from "../shared/compose-metrics";
import { requireEnv } from "../shared/environment";
import { historyHandler } from "./handler";

export const handler = historyHandler({
  statuses: new StatusReader({
    client: dynamoDb,
    tableName: requireEnv("STATUS_TABLE_NAME"),
    registryTableName: requireEnv("REGISTRY_TABLE_NAME"),
  }),
  guard: guard(),
  rates: senderRates(),
  connections: stageConnections(),
  log: console,
  metrics: routeMetrics(),
});

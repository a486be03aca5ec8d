/** Composes the `list` function. */

import { StatusReader } from "@agent-heartbeat/sdk/status";
import { dynamoDb, guard, senderRates, stageConnections } from "../shared/compose";
import { routeMetrics } from "../shared/compose-metrics";
import { requireEnv } from "../shared/environment";
import { listHandler } from "./handler";

export const handler = listHandler({
  statuses: new StatusReader({
    client: dynamoDb,
    tableName: requireEnv("STATUS_TABLE_NAME"),
    registryTableName: requireEnv("REGISTRY_TABLE_NAME"),
    consistent: true,
  }),
  guard: guard(),
  rates: senderRates(),
  connections: stageConnections(),
  log: console,
  metrics: routeMetrics(),
});

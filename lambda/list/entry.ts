/** Composes the `list` function. */

import { StatusReader } from "@agent-heartbeat/sdk/status";
import { ProfileStore } from "../profile/store";
import { dynamoDb, guard, stageConnections } from "../shared/compose";
import { functionMetrics } from "../shared/compose-metrics";
import { requireEnv } from "../shared/environment";
import { listHandler } from "./handler";

const registryTableName = requireEnv("REGISTRY_TABLE_NAME");

export const handler = listHandler({
  statuses: new StatusReader({
    client: dynamoDb,
    tableName: requireEnv("STATUS_TABLE_NAME"),
    registryTableName,
    consistent: true,
  }),
  profiles: new ProfileStore(dynamoDb, registryTableName),
  guard: guard(),
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
});

/** Composes the `list` function. */

import { StatusReader } from "@agent-heartbeat/sdk/status";
import { listHandler } from "../list";
import { ProfileStore } from "../profile/store";
import { requireEnv } from "../shared/environment";
import { dynamoDb, stageConnections } from "./compose";
import { functionMetrics } from "./metrics";

const registryTableName = requireEnv("REGISTRY_TABLE_NAME");

export const handler = listHandler({
  statuses: new StatusReader({
    client: dynamoDb,
    tableName: requireEnv("STATUS_TABLE_NAME"),
    registryTableName,
    consistent: true,
  }),
  profiles: new ProfileStore(dynamoDb, registryTableName),
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
});

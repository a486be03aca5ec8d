/** Composes the `list` function. */

import { StatusReader } from "@agent-heartbeat/sdk/status";
import { listHandler } from "../list";
import { dynamoDbClient } from "../shared/clients";
import { requireEnv } from "../shared/environment";
import { functionMetrics } from "../shared/metrics";

export const handler = listHandler({
  statuses: new StatusReader({
    client: dynamoDbClient(),
    tableName: requireEnv("STATUS_TABLE_NAME"),
  }),
  log: console,
  metrics: functionMetrics(),
});

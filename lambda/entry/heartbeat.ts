/** Composes the `heartbeat` function. */

import { heartbeatHandler } from "../heartbeat";
import { LeaseStore } from "../lease/store";
import { connectionsClient, dynamoDbClient } from "../shared/clients";
import { gatewayConnections } from "../shared/connections";
import { requireEnv, requireNumberEnv } from "../shared/environment";
import { functionMetrics } from "../shared/metrics";

export const handler = heartbeatHandler({
  leases: new LeaseStore({
    client: dynamoDbClient(),
    tableName: requireEnv("STATUS_TABLE_NAME"),
    retentionMs: requireNumberEnv("RETENTION_MS"),
  }),
  connections: gatewayConnections(connectionsClient(requireEnv("CALLBACK_URL"))),
  log: console,
  metrics: functionMetrics(),
});

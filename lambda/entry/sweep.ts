/** Composes the `sweep` function. */

import { dynamoDbLeaseScan } from "../lease/scan";
import { LeaseStore } from "../lease/store";
import { connectionsClient, dynamoDbClient } from "../shared/clients";
import { gatewayConnections } from "../shared/connections";
import { requireEnv, requireNumberEnv } from "../shared/environment";
import { functionMetrics } from "../shared/metrics";
import { sweepHandler } from "../sweep";

/** Scanned side by side: enough to read a million rows within the function's time-out. */
const SEGMENTS = 4;

/** Time to finish the page at hand and to save the positions. */
const RESERVE_MS = 15_000;

const client = dynamoDbClient();
const statusTableName = requireEnv("STATUS_TABLE_NAME");

export const handler = sweepHandler({
  leases: new LeaseStore({
    client,
    tableName: statusTableName,
    retentionMs: requireNumberEnv("RETENTION_MS"),
  }),
  scan: dynamoDbLeaseScan({
    client,
    statusTableName,
    registryTableName: requireEnv("REGISTRY_TABLE_NAME"),
    totalSegments: SEGMENTS,
  }),
  connections: gatewayConnections(connectionsClient(requireEnv("CALLBACK_URL"))),
  log: console,
  metrics: functionMetrics(),
  clock: Date.now,
  reserveMs: RESERVE_MS,
});

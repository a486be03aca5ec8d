/** Composes the `sweep` function. */

import { dynamoDbLeaseScan } from "../lease/scan";
import { requireEnv } from "../shared/environment";
import { functionMetrics } from "../shared/metrics";
import { sweepHandler } from "../sweep";
import { dynamoDb, leaseStore, stageConnections } from "./compose";

/** Scanned side by side: enough to read a million rows within the function's time-out. */
const SEGMENTS = 4;

/** Time to finish the page at hand and to save the positions. */
const RESERVE_MS = 15_000;

export const handler = sweepHandler({
  leases: leaseStore(),
  scan: dynamoDbLeaseScan({
    client: dynamoDb,
    statusTableName: requireEnv("STATUS_TABLE_NAME"),
    registryTableName: requireEnv("REGISTRY_TABLE_NAME"),
    totalSegments: SEGMENTS,
  }),
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
  clock: Date.now,
  reserveMs: RESERVE_MS,
});

/** Composes the `sweep` function. */

import { FleetCountStore } from "../lease/fleet-count";
import { requireEnv } from "../shared/environment";
import { sweepHandler } from "../sweep";
import { dynamoDbRounds } from "../sweep/rounds";
import { dynamoDbLeaseScan } from "../sweep/scan";
import { dynamoDb, leaseStore, stageConnections } from "./compose";
import { functionMetrics } from "./metrics";

/** Scanned side by side: enough to read a million rows within the function's time-out. */
const SEGMENTS = 4;

/** Time to finish the page at hand and to save the positions. */
const RESERVE_MS = 15_000;

const registryTableName = requireEnv("REGISTRY_TABLE_NAME");

export const handler = sweepHandler({
  leases: leaseStore(),
  scan: dynamoDbLeaseScan(dynamoDb, requireEnv("STATUS_TABLE_NAME"), SEGMENTS),
  rounds: dynamoDbRounds(dynamoDb, registryTableName, SEGMENTS),
  fleet: new FleetCountStore(dynamoDb, registryTableName),
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
  clock: Date.now,
  reserveMs: RESERVE_MS,
});

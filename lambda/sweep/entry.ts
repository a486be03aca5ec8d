/** Composes the `sweep` function. */

import { setTimeout as sleep } from "node:timers/promises";
import { eventBridgeClient } from "../shared/clients";
import { dynamoDb, leaseStore, stageConnections } from "../shared/compose";
import { functionMetrics } from "../shared/compose-metrics";
import { optionalEnv, requireEnv, requireNumberEnv } from "../shared/environment";
import { FleetCountStore } from "../shared/fleet-size";
import { lazily } from "../shared/lazily";
import { sweepHandler } from "./handler";
import { massExpiryPublisher } from "./publish-mass-expiry";
import { repeatedSweep } from "./repeat";
import { dynamoDbLeaseScan } from "./scan";
import { dynamoDbScanCheckpoints } from "./scan-checkpoints";
import { createSelfPreservation } from "./self-preservation";
import { SelfPreservationStore } from "./self-preservation-store";
import { TrendStore } from "./trend-store";

/** Scanned in parallel: enough to read a million rows within the function's timeout. */
const SEGMENTS = 4;

/** Time to process as many rows as are kept in memory. */
const SCAN_RESERVE_MS = 90_000;

/** Time to finish calls in progress, and to save the positions. */
const RESERVE_MS = 15_000;

const registryTableName = requireEnv("REGISTRY_TABLE_NAME");
const connections = stageConnections();

/** Called only if it is on: otherwise its variables are not set. */
function selfPreservation() {
  const events = lazily(eventBridgeClient);
  const busName = requireEnv("EVENT_BUS_NAME");
  return createSelfPreservation({
    terms: {
      share: requireNumberEnv("SELF_PRESERVATION_SHARE"),
      minimum: requireNumberEnv("SELF_PRESERVATION_MINIMUM"),
      holdMs: requireNumberEnv("SELF_PRESERVATION_HOLD_MS"),
    },
    store: new SelfPreservationStore(dynamoDb, registryTableName),
    connections,
    publish: (event) => massExpiryPublisher(events(), busName)(event),
    log: console,
  });
}

const sweep = sweepHandler({
  leases: leaseStore(),
  scan: dynamoDbLeaseScan(dynamoDb, requireEnv("STATUS_TABLE_NAME"), SEGMENTS),
  checkpoints: dynamoDbScanCheckpoints(dynamoDb, registryTableName, SEGMENTS),
  fleet: new FleetCountStore(dynamoDb, registryTableName),
  trends: new TrendStore({ client: dynamoDb, registryTableName }),
  selfPreservation:
    optionalEnv("SELF_PRESERVATION_SHARE") === undefined ? undefined : selfPreservation(),
  connections,
  log: console,
  metrics: functionMetrics(),
  clock: Date.now,
  scanReserveMs: SCAN_RESERVE_MS,
  reserveMs: RESERVE_MS,
});

export const handler = repeatedSweep(sweep, {
  intervalMs: requireNumberEnv("SWEEP_INTERVAL_MS"),
  clock: Date.now,
  sleep,
  reserveMs: SCAN_RESERVE_MS,
});

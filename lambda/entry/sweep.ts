/** Composes the `sweep` function. */

import { FleetCountStore } from "../lease/fleet-count";
import { eventBridgeClient } from "../shared/clients";
import { requireEnv, requireNumberEnv } from "../shared/environment";
import { lazily } from "../shared/lazily";
import { sweepHandler } from "../sweep";
import { massExpiryBrake } from "../sweep/brake";
import { dynamoDbRounds } from "../sweep/rounds";
import { dynamoDbLeaseScan } from "../sweep/scan";
import { SuspicionStore } from "../sweep/suspicion";
import { massExpiryTeller } from "../sweep/tell";
import { dynamoDb, leaseStore, stageConnections } from "./compose";
import { functionMetrics } from "./metrics";

/** Scanned side by side: enough to read a million rows within the function's time-out. */
const SEGMENTS = 4;

/** Time to act on as many rows as are kept. */
const SCAN_RESERVE_MS = 90_000;

/** Time to finish what is under way, and to save the positions. */
const RESERVE_MS = 15_000;

const registryTableName = requireEnv("REGISTRY_TABLE_NAME");
const connections = stageConnections();

/** The stack gives the function no terms where the brake is off. */
function brake() {
  const events = lazily(eventBridgeClient);
  const busName = requireEnv("EVENT_BUS_NAME");
  return massExpiryBrake({
    terms: {
      share: requireNumberEnv("BRAKE_SHARE"),
      minimum: requireNumberEnv("BRAKE_MINIMUM"),
      holdMs: requireNumberEnv("BRAKE_HOLD_MS"),
    },
    suspicions: new SuspicionStore(dynamoDb, registryTableName),
    connections,
    tell: (event) => massExpiryTeller(events(), busName)(event),
    log: console,
  });
}

export const handler = sweepHandler({
  leases: leaseStore(),
  scan: dynamoDbLeaseScan(dynamoDb, requireEnv("STATUS_TABLE_NAME"), SEGMENTS),
  rounds: dynamoDbRounds(dynamoDb, registryTableName, SEGMENTS),
  fleet: new FleetCountStore(dynamoDb, registryTableName),
  brake: process.env.BRAKE_SHARE === undefined ? undefined : brake(),
  connections,
  log: console,
  metrics: functionMetrics(),
  clock: Date.now,
  scanReserveMs: SCAN_RESERVE_MS,
  reserveMs: RESERVE_MS,
});

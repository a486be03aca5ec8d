/** Composes the `heartbeat` function. */

import { heartbeatHandler } from "../heartbeat";
import { functionMetrics } from "../shared/metrics";
import { leaseStore, stageConnections } from "./compose";

export const handler = heartbeatHandler({
  leases: leaseStore(),
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
});

/** Composes the `heartbeat` function. */

import { leaseStore, stageConnections } from "../shared/compose";
import { functionMetrics } from "../shared/compose-metrics";
import { heartbeatHandler } from "./handler";

export const handler = heartbeatHandler({
  leases: leaseStore(),
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
});

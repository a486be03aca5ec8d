/** Composes the `heartbeat` function. */

import { leaseStore, stageConnections } from "../shared/compose";
import { routeMetrics } from "../shared/compose-metrics";
import { heartbeatHandler } from "./handler";

export const handler = heartbeatHandler({
  leases: leaseStore(),
  connections: stageConnections(),
  log: console,
  metrics: routeMetrics(),
});

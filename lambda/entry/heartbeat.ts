/** Composes the `heartbeat` function. */

import { heartbeatHandler } from "../heartbeat";
import { leaseStore, stageConnections } from "./compose";
import { functionMetrics } from "./metrics";

export const handler = heartbeatHandler({
  leases: leaseStore(),
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
});

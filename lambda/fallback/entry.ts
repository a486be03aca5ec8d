/** Composes the `fallback` function. */

import { stageConnections } from "../shared/compose";
import { routeMetrics } from "../shared/compose-metrics";
import { fallbackHandler } from "./handler";

export const handler = fallbackHandler({
  connections: stageConnections(),
  log: console,
  metrics: routeMetrics(),
});

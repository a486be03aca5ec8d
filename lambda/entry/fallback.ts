/** Composes the `fallback` function. */

import { fallbackHandler } from "../fallback";
import { functionMetrics } from "../shared/metrics";
import { stageConnections } from "./compose";

export const handler = fallbackHandler({
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
});

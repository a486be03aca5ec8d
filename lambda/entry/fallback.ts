/** Composes the `fallback` function. */

import { fallbackHandler } from "../fallback";
import { stageConnections } from "./compose";
import { functionMetrics } from "./metrics";

export const handler = fallbackHandler({
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
});

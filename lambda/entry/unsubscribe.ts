/** Composes the `unsubscribe` function. */

import { functionMetrics } from "../shared/metrics";
import { unsubscribeHandler } from "../subscribe";
import { stageConnections, subscriptionStore } from "./compose";

export const handler = unsubscribeHandler({
  subscriptions: subscriptionStore(),
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
});

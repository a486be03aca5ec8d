/** Composes the `unsubscribe` function, whose handler is in `subscribe/`. */

import { stageConnections, subscriptionStore } from "../shared/compose";
import { functionMetrics } from "../shared/compose-metrics";
import { unsubscribeHandler } from "../subscribe/handler";

export const handler = unsubscribeHandler({
  subscriptions: subscriptionStore(),
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
});

/** Composes the `unsubscribe` function, whose handler is in `subscribe/`. */

import { senderRates, stageConnections, subscriptionStore } from "../shared/compose";
import { routeMetrics } from "../shared/compose-metrics";
import { unsubscribeHandler } from "../subscribe/handler";

export const handler = unsubscribeHandler({
  subscriptions: subscriptionStore(),
  rates: senderRates(),
  connections: stageConnections(),
  log: console,
  metrics: routeMetrics(),
});

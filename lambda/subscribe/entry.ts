/** Composes the `subscribe` function. */

import { guard, senderRates, stageConnections, subscriptionStore } from "../shared/compose";
import { routeMetrics } from "../shared/compose-metrics";
import { subscribeHandler } from "./handler";

export const handler = subscribeHandler({
  subscriptions: subscriptionStore(),
  guard: guard(),
  rates: senderRates(),
  connections: stageConnections(),
  log: console,
  metrics: routeMetrics(),
});

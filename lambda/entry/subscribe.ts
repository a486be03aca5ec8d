/** Composes the `subscribe` function. */

import { functionMetrics } from "../shared/metrics";
import { subscribeHandler } from "../subscribe";
import { stageConnections, subscriptionStore } from "./compose";

export const handler = subscribeHandler({
  subscriptions: subscriptionStore(),
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
});

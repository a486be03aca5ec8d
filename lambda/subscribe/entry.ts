/** Composes the `subscribe` function. */

import { stageConnections, subscriptionStore } from "../shared/compose";
import { functionMetrics } from "../shared/compose-metrics";
import { subscribeHandler } from "./handler";

export const handler = subscribeHandler({
  subscriptions: subscriptionStore(),
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
});

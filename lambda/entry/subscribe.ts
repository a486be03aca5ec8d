/** Composes the `subscribe` function. */

import { subscribeHandler } from "../subscribe";
import { stageConnections, subscriptionStore } from "./compose";
import { functionMetrics } from "./metrics";

export const handler = subscribeHandler({
  subscriptions: subscriptionStore(),
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
});

/** Composes the `unsubscribe` function. */

import { unsubscribeHandler } from "../subscribe";
import { stageConnections, subscriptionStore } from "./compose";
import { functionMetrics } from "./metrics";

export const handler = unsubscribeHandler({
  subscriptions: subscriptionStore(),
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
});

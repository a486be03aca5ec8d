/** Composes the `subscribe` function. */

import { functionMetrics } from "../shared/metrics";
import { subscribeHandler } from "../subscribe";
import { subscriptionStore } from "./compose";

export const handler = subscribeHandler({
  subscriptions: subscriptionStore(),
  log: console,
  metrics: functionMetrics(),
});

/** Composes the `unsubscribe` function. */

import { functionMetrics } from "../shared/metrics";
import { unsubscribeHandler } from "../subscribe";
import { subscriptionStore } from "./compose";

export const handler = unsubscribeHandler({
  subscriptions: subscriptionStore(),
  log: console,
  metrics: functionMetrics(),
});

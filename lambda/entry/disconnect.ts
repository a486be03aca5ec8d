/** Composes the `disconnect` function. */

import { disconnectHandler } from "../disconnect";
import { leaseStore, subscriptionStore } from "./compose";

export const handler = disconnectHandler({
  leases: leaseStore(),
  subscriptions: subscriptionStore(),
});

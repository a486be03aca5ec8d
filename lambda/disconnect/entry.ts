/** Composes the `disconnect` function. */

import { leaseStore, subscriptionStore } from "../shared/compose";
import { disconnectHandler } from "./handler";

export const handler = disconnectHandler({
  leases: leaseStore(),
  subscriptions: subscriptionStore(),
});

/** Composes the `connect` function. */

import { guard, leaseStore, subscriptionStore } from "../shared/compose";
import { connectHandler } from "./handler";

export const handler = connectHandler({
  leases: leaseStore(),
  subscriptions: subscriptionStore(),
  guard: guard(),
});

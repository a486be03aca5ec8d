/** Composes the `connect` function. */

import {
  capableAgents,
  guard,
  leaseStore,
  profileStore,
  subscriptionStore,
} from "../shared/compose";
import { connectHandler } from "./handler";

export const handler = connectHandler({
  leases: leaseStore(),
  subscriptions: subscriptionStore(),
  profiles: profileStore(),
  capable: capableAgents(),
  guard: guard(),
  log: console,
});

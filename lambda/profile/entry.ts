/** Composes the `profile` function. */

import {
  agentLocator,
  capableAgents,
  guard,
  profileStore,
  senderRates,
  stageConnections,
} from "../shared/compose";
import { routeMetrics } from "../shared/compose-metrics";
import { profileHandler } from "./handler";

export const handler = profileHandler({
  profiles: profileStore(),
  capable: capableAgents(),
  agents: agentLocator(),
  guard: guard(),
  rates: senderRates(),
  connections: stageConnections(),
  log: console,
  metrics: routeMetrics(),
});

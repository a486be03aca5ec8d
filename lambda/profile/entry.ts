/** Composes the `profile` function. */

import { dynamoDb, guard, senderRates, stageConnections } from "../shared/compose";
import { routeMetrics } from "../shared/compose-metrics";
import { requireEnv } from "../shared/environment";
import { profileHandler } from "./handler";
import { ProfileStore } from "./store";

export const handler = profileHandler({
  profiles: new ProfileStore(dynamoDb, requireEnv("REGISTRY_TABLE_NAME")),
  guard: guard(),
  rates: senderRates(),
  connections: stageConnections(),
  log: console,
  metrics: routeMetrics(),
});

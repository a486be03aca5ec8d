/** Composes the `presence` function. */

import { presenceHandler } from "../presence";
import { ProfileStore } from "../profile/store";
import { requireEnv } from "../shared/environment";
import { functionMetrics } from "../shared/metrics";
import { dynamoDb, stageConnections } from "./compose";

export const handler = presenceHandler({
  profiles: new ProfileStore(dynamoDb, requireEnv("REGISTRY_TABLE_NAME")),
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
});

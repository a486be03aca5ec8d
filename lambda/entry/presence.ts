/** Composes the `presence` function. */

import { presenceHandler } from "../presence";
import { ProfileStore } from "../profile/store";
import { requireEnv } from "../shared/environment";
import { dynamoDb, stageConnections } from "./compose";
import { functionMetrics } from "./metrics";

export const handler = presenceHandler({
  profiles: new ProfileStore(dynamoDb, requireEnv("REGISTRY_TABLE_NAME")),
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
});

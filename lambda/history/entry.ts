/** Composes the `history` function. */

import { dynamoDb, guard, stageConnections } from "../shared/compose";
import { functionMetrics } from "../shared/compose-metrics";
import { requireEnv } from "../shared/environment";
import { historyHandler } from "./handler";
import { HistoryStore } from "./store";

export const handler = historyHandler({
  history: new HistoryStore(dynamoDb, requireEnv("REGISTRY_TABLE_NAME")),
  guard: guard(),
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
});

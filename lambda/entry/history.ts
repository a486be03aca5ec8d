/** Composes the `history` function. */

import { historyHandler } from "../history";
import { HistoryStore } from "../history/store";
import { requireEnv } from "../shared/environment";
import { functionMetrics } from "../shared/metrics";
import { dynamoDb, stageConnections } from "./compose";

export const handler = historyHandler({
  history: new HistoryStore(dynamoDb, requireEnv("REGISTRY_TABLE_NAME")),
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
});

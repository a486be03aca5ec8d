/** Composes the `history` function. */

import { historyHandler } from "../history";
import { HistoryStore } from "../history/store";
import { requireEnv } from "../shared/environment";
import { dynamoDb, stageConnections } from "./compose";
import { functionMetrics } from "./metrics";

export const handler = historyHandler({
  history: new HistoryStore(dynamoDb, requireEnv("REGISTRY_TABLE_NAME")),
  connections: stageConnections(),
  log: console,
  metrics: functionMetrics(),
});

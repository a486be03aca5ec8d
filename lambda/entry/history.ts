/** Composes the `history` function. */

import { historyHandler } from "../history";
import { HistoryStore } from "../history/store";
import { requireEnv } from "../shared/environment";
import { functionMetrics } from "../shared/metrics";
import { dynamoDb } from "./compose";

export const handler = historyHandler({
  history: new HistoryStore(dynamoDb, requireEnv("REGISTRY_TABLE_NAME")),
  log: console,
  metrics: functionMetrics(),
});

/** Composes the `transitions` function. */

import { HistoryStore } from "../history/store";
import { eventBridgeClient } from "../shared/clients";
import { requireEnv } from "../shared/environment";
import { transitionsHandler } from "../transitions";
import { dynamoDb, postOffice, stageConnections } from "./compose";
import { functionCounts } from "./metrics";

const connections = stageConnections();

export const handler = transitionsHandler({
  events: eventBridgeClient(),
  eventBusName: requireEnv("EVENT_BUS_NAME"),
  connections,
  postOffice: postOffice(connections),
  history: new HistoryStore(dynamoDb, requireEnv("REGISTRY_TABLE_NAME")),
  count: functionCounts(),
  clock: Date.now,
  log: console,
});

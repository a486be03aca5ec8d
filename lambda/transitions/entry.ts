/** Composes the `transitions` function. */

import { HistoryStore } from "../history/store";
import { eventBridgeClient } from "../shared/clients";
import { dynamoDb, messageRouter, stageConnections, subscriptionStore } from "../shared/compose";
import { functionCounts } from "../shared/compose-metrics";
import { requireEnv } from "../shared/environment";
import { transitionsHandler } from "./handler";

const connections = stageConnections();

export const handler = transitionsHandler({
  events: eventBridgeClient(),
  eventBusName: requireEnv("EVENT_BUS_NAME"),
  connections,
  messageRouter: messageRouter(connections),
  subscriptions: subscriptionStore(),
  history: new HistoryStore(dynamoDb, requireEnv("REGISTRY_TABLE_NAME")),
  count: functionCounts(),
  clock: Date.now,
  log: console,
});

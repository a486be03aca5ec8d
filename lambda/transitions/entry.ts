/** Composes the `transitions` function. */

import { HistoryStore } from "../history/store";
import { eventBridgeClient } from "../shared/clients";
import {
  dynamoDb,
  messageRouter,
  openRequests,
  stageConnections,
  subscriptionStore,
} from "../shared/compose";
import { functionCounts } from "../shared/compose-metrics";
import { requireEnv } from "../shared/environment";
import { transitionsHandler } from "./handler";
import { lostRequests } from "./lost-requests";

const connections = stageConnections();
const router = messageRouter(connections);
const clock = Date.now;
const log = console;

export const handler = transitionsHandler({
  events: eventBridgeClient(),
  eventBusName: requireEnv("EVENT_BUS_NAME"),
  connections,
  messageRouter: router,
  answerFor: lostRequests({ requests: openRequests(), messageRouter: router, clock, log }),
  subscriptions: subscriptionStore(),
  history: new HistoryStore(dynamoDb, requireEnv("REGISTRY_TABLE_NAME")),
  count: functionCounts(),
  clock,
  log,
});

/** Composes the `publish` function. */

import { randomUUID } from "node:crypto";
import {
  guard,
  messageRouter,
  openRequests,
  senderRates,
  stageConnections,
} from "../shared/compose";
import { routeMetrics } from "../shared/compose-metrics";
import { publishHandler } from "./handler";

const connections = stageConnections();

export const handler = publishHandler({
  messageRouter: messageRouter(connections),
  requests: openRequests(),
  guard: guard(),
  rates: senderRates(),
  connections,
  newId: randomUUID,
  log: console,
  metrics: routeMetrics(),
});

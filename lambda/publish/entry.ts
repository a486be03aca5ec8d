/** Composes the `publish` function. */

import { randomUUID } from "node:crypto";
import { guard, messageRouter, senderRates, stageConnections } from "../shared/compose";
import { routeMetrics } from "../shared/compose-metrics";
import { publishHandler } from "./handler";

const connections = stageConnections();

export const handler = publishHandler({
  messageRouter: messageRouter(connections),
  guard: guard(),
  rates: senderRates(),
  connections,
  newId: randomUUID,
  log: console,
  metrics: routeMetrics(),
});

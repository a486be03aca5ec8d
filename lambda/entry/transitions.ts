/** Composes the `transitions` function. */

import { eventBridgeClient } from "../shared/clients";
import { requireEnv } from "../shared/environment";
import { transitionsHandler } from "../transitions";
import { postOffice, stageConnections } from "./compose";

const connections = stageConnections();

export const handler = transitionsHandler({
  events: eventBridgeClient(),
  eventBusName: requireEnv("EVENT_BUS_NAME"),
  connections,
  postOffice: postOffice(connections),
  clock: Date.now,
  log: console,
});

/** Composes the `transitions` function. */

import { connectionsClient, eventBridgeClient } from "../shared/clients";
import { gatewayConnections } from "../shared/connections";
import { requireEnv } from "../shared/environment";
import { transitionsHandler } from "../transitions";

export const handler = transitionsHandler({
  events: eventBridgeClient(),
  eventBusName: requireEnv("EVENT_BUS_NAME"),
  connections: gatewayConnections(connectionsClient(requireEnv("CALLBACK_URL"))),
  log: console,
});

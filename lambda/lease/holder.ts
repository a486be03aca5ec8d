/** The lease holder that an event of a connection speaks for. */

import type { Identity } from "../shared/identity";
import type { RouteEvent } from "../shared/message-route";
import type { LeaseHolder } from "./store";

export function holderOf(event: RouteEvent, identity: Identity): LeaseHolder {
  const { connectionId, connectedAt } = event.requestContext;
  return { ...identity, connectionId, connectedAt };
}

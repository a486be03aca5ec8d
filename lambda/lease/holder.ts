/** The lease holder to whose connection an event belongs. */

import type { Identity } from "../shared/identity";
import type { RouteEvent } from "../shared/message-route";
import type { LeaseHolder } from "./store";

export function holderOf(event: RouteEvent, identity: Identity): LeaseHolder {
  const { connectionId, connectedAt } = event.requestContext;
  return { ...identity, connectionId, connectedAt };
}

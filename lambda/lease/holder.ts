/** The lease holder that an event of a connection speaks for. */

import type { Identity } from "../shared/identity";
import type { RouteEvent } from "../shared/message-route";
import type { LeaseHolder } from "./store";

export function holderOf(event: RouteEvent, identity: Identity): LeaseHolder {
  return {
    organizationId: identity.organizationId,
    agentId: identity.agentId,
    instanceId: identity.instanceId,
    leaseMs: identity.leaseMs,
    heartbeatIntervalMs: identity.heartbeatIntervalMs,
    connectionId: event.requestContext.connectionId,
    connectedAt: event.requestContext.connectedAt,
  };
}

/** The routes `heartbeat` and `heartbeat_quiet`: renew the sender's lease with one write. */

import { parseHeartbeat } from "../../core/client-messages";
import type { HeartbeatMessage, QuietHeartbeatMessage } from "../../core/protocol";
import { heartbeatAck } from "../lease/ack";
import type { Renewal } from "../lease/holder";
import type { LeaseStore } from "../lease/store";
import { connectionOf, type Identity } from "../shared/identity";
import {
  echo,
  messageRoute,
  type RouteDependencies,
  type RouteEvent,
  type RouteResult,
  reply,
  SILENT,
  turnAway,
} from "../shared/message-route";

const QUIET = "heartbeat_quiet" satisfies QuietHeartbeatMessage["type"];

export interface HeartbeatDependencies extends RouteDependencies {
  leases: Pick<LeaseStore, "renew">;
}

export function heartbeatHandler({ leases, ...route }: HeartbeatDependencies) {
  const { connections } = route;
  const handle = messageRoute("heartbeat", route, async (event, identity) => {
    const message = parseHeartbeat(event.body);
    const { requestTimeEpoch: now } = event.requestContext;
    // A viewer or publisher has no row. Its heartbeat only keeps the connection from timing out.
    if (identity.role !== "agent") {
      const leaseExpiresAt = now + identity.leaseMs;
      return ack(message, identity, now, { leaseExpiresAt, lastHeartbeatAt: now });
    }

    const holder = connectionOf(event.requestContext, identity);
    const result = await leases.renew(holder, now, message.activity);
    if (result.outcome === "renewed") return ack(message, identity, now, result);
    return turnAway(result.outcome, result.row, event, route.connections, message.id);
  });
  return async (event: RouteEvent): Promise<RouteResult> => {
    const result = await handle(event);
    if (event.requestContext.routeKey !== QUIET || result.body === undefined) return result;
    // This route has no response, so errors are posted.
    await connections.post(event.requestContext.connectionId, JSON.parse(result.body));
    return SILENT;
  };
}

function ack(
  message: HeartbeatMessage | QuietHeartbeatMessage,
  identity: Identity,
  serverTime: number,
  renewal: Renewal,
): RouteResult {
  if (message.type === QUIET) return SILENT;
  return reply({
    ...heartbeatAck(serverTime, renewal, identity),
    ...(identity.reconnectWindowMs > 0 && { reconnectWindowMs: identity.reconnectWindowMs }),
    ...echo(message.id),
  });
}

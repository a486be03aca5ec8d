/** The `heartbeat` route: renews the sender's lease by one write, and acknowledges it. */

import { parseHeartbeat } from "../../core/client-messages";
import type {
  ErrorMessage,
  HeartbeatMessage,
  QuietHeartbeatMessage,
  SupersededMessage,
} from "../../core/protocol";
import type { StatusRow } from "../../core/status";
import { holderOf } from "../lease/holder";
import type { LeaseStore } from "../lease/store";
import type { Connections } from "../shared/connections";
import type { Identity } from "../shared/identity";
import {
  echo,
  messageRoute,
  type RouteDependencies,
  type RouteEvent,
  type RouteResult,
  reply,
  SILENT,
} from "../shared/message-route";
import { REVOKED, SUPERSEDED } from "../shared/replies";

const QUIET = "heartbeat_quiet" satisfies QuietHeartbeatMessage["type"];

export interface HeartbeatDependencies extends RouteDependencies {
  leases: Pick<LeaseStore, "renew">;
  connections: Connections;
}

export function heartbeatHandler({ leases, ...route }: HeartbeatDependencies) {
  const { connections } = route;
  const handle = messageRoute("heartbeat", route, async (event, identity) => {
    const message = parseHeartbeat(event.body);
    const { requestTimeEpoch: now, connectionId } = event.requestContext;
    // A viewer or publisher has no row: its heartbeat only keeps the connection from idling.
    if (identity.role !== "agent") return ack(message, identity, now, now + identity.leaseMs);

    const result = await leases.renew(holderOf(event, identity), now, message.activity);
    if (result.written) return ack(message, identity, now, now + identity.leaseMs);

    const row = result.row;
    if (!row)
      throw new Error(`${identity.agentId}: the heartbeat was refused though there is no row`);
    if (row.connectionId === connectionId && row.disconnectedAt === undefined) {
      // Overtaken by a later heartbeat of the same connection.
      return ack(message, identity, now, row.leaseExpiresAt);
    }
    const verdict = verdictOn(row, event, identity);
    if (verdict === "rotated") return ack(message, identity, now, row.leaseExpiresAt);
    if (verdict === "ended") return SILENT;
    // Posted, not replied: a reply is sent after the function returns, when the connection is closed.
    await connections.post(connectionId, { ...verdict, ...echo(message.id) });
    await connections.close(connectionId);
    return SILENT;
  });
  return async (event: RouteEvent): Promise<RouteResult> => {
    const result = await handle(event);
    if (event.requestContext.routeKey !== QUIET || result.body === undefined) return result;
    // The route has no response: what has to be said is posted.
    await connections.post(event.requestContext.connectionId, JSON.parse(result.body));
    return SILENT;
  };
}

/** What to tell a connection that lost its row. */
function verdictOn(
  row: StatusRow,
  event: RouteEvent,
  identity: Identity,
): SupersededMessage | ErrorMessage | "rotated" | "ended" {
  if (row.reason === "revoked") {
    return REVOKED;
  }
  if (row.connectionId === event.requestContext.connectionId) return "ended";
  return row.instanceId === identity.instanceId ? "rotated" : SUPERSEDED;
}

function ack(
  message: HeartbeatMessage | QuietHeartbeatMessage,
  identity: Identity,
  serverTime: number,
  leaseExpiresAt: number,
): RouteResult {
  if (message.type === QUIET) return SILENT;
  return reply({
    type: "heartbeat_ack",
    serverTime,
    leaseExpiresAt,
    ...(identity.intervalAdvised && { heartbeatInterval: identity.heartbeatIntervalMs / 1000 }),
    ...(identity.reconnectWindowMs > 0 && { reconnectWindowMs: identity.reconnectWindowMs }),
    ...echo(message.id),
  });
}

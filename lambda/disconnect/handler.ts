/** The `$disconnect` route: releases the lease, if the connection still holds it. */

import type { OfflineReason } from "../../core/protocol";
import { holderOf } from "../lease/holder";
import type { LeaseStore } from "../lease/store";
import type { SubscriptionStore } from "../messaging/subscriptions";
import { fromContext } from "../shared/identity";
import { type RouteEvent, type RouteResult, SILENT } from "../shared/message-route";

export interface DisconnectDependencies {
  leases: Pick<LeaseStore, "release">;
  subscriptions: Pick<SubscriptionStore, "removeConnection">;
}

/** The gateway calls this at its best effort: where it does not, the lease runs out. */
export function disconnectHandler({ leases, subscriptions }: DisconnectDependencies) {
  return async (event: RouteEvent): Promise<RouteResult> => {
    const identity = fromContext(event.requestContext.authorizer);
    const { connectionId, requestTimeEpoch, disconnectStatusCode, disconnectReason } =
      event.requestContext;
    // The status first: nobody waits for the subscriptions.
    if (identity.role === "agent") {
      const reason = offlineReason(disconnectStatusCode, disconnectReason);
      await leases.release(holderOf(event, identity), requestTimeEpoch, reason);
    }
    if (identity.role !== "publisher") await subscriptions.removeConnection(connectionId);
    return SILENT;
  };
}

/** Why a connection ended, by its close code (RFC 6455, section 7.4) and the client's close reason. */
export function offlineReason(code: number | undefined, text: string | undefined): OfflineReason {
  if (code === 1000) return text === "drained" ? "drained" : "client_closed";
  // API Gateway closes with 1001 when a connection idled or reached two hours, 1012 when it restarts.
  if (code === 1001 || code === 1012) return "gateway_closed";
  return "connection_lost";
}

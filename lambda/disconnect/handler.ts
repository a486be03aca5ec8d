/** The `$disconnect` route: takes the connection out of the row, and releases the lease with the last one. */

import { LIMITS } from "../../core/limits";
import type { OfflineReason } from "../../core/presence";
import type { LeaseStore } from "../lease/store";
import type { SubscriptionStore } from "../messaging/subscriptions";
import { connectionOf, fromContext } from "../shared/identity";
import { type RouteEvent, type RouteResult, SILENT } from "../shared/message-route";

export interface DisconnectDependencies {
  leases: Pick<LeaseStore, "release">;
  subscriptions: Pick<SubscriptionStore, "removeConnection">;
}

/** The gateway calls this at its best effort: where it does not, the lease runs out. */
export function disconnectHandler({ leases, subscriptions }: DisconnectDependencies) {
  return async (event: RouteEvent): Promise<RouteResult> => {
    const identity = fromContext(event.requestContext.authorizer);
    const { connectionId, connectedAt, requestTimeEpoch } = event.requestContext;
    // The status first, because it is more urgent than the subscriptions.
    if (identity.role === "agent") {
      const reason = offlineReason({
        code: event.requestContext.disconnectStatusCode,
        text: event.requestContext.disconnectReason,
        ageMs: requestTimeEpoch - connectedAt,
      });
      const rotated = event.requestContext.disconnectReason === ROTATED_TEXT;
      const holder = connectionOf(event.requestContext, identity);
      await leases.release(holder, requestTimeEpoch, reason, rotated);
    }
    await subscriptions.removeConnection(connectionId);
    return SILENT;
  };
}

/** The close reason of a connection that another one of its process has replaced in time. */
const ROTATED_TEXT = "rotated";

/** How a connection ended, as the gateway reports it. */
export interface ConnectionClose {
  code: number | undefined;
  text: string | undefined;
  /** How long the connection was open. */
  ageMs: number;
}

/** The close reason with which the gateway ends a connection that idled or reached its greatest age. */
const GATEWAY_TEXT = "Going away";

/**
 * Why a connection ended, by its close code (RFC 6455, section 7.4) and by whom: the gateway and a browser that
 * leaves a page both close with 1001. The gateway does so only once a connection can have been idle for long enough,
 * and without a text only at the connection's greatest age.
 */
export function offlineReason({ code, text, ageMs }: ConnectionClose): OfflineReason {
  if (code === 1000) return text === "drained" ? "drained" : "client_closed";
  if (code === 1001) {
    const old = ageMs >= LIMITS.connectionDurationMs - AGE_MARGIN_MS;
    const idled = ageMs >= LIMITS.idleTimeoutMs - AGE_MARGIN_MS && text === GATEWAY_TEXT;
    return old || idled ? "gateway_closed" : "client_closed";
  }
  // A closing frame without a code: the client closed on purpose, but gave no reason.
  if (code === 1005) return "client_closed";
  if (code === 1012) return "gateway_closed";
  return "connection_lost";
}

/** The gateway counts the age of a connection by its own clock. */
const AGE_MARGIN_MS = 5000;

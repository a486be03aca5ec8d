/** The `$connect` route: acquires the lease of an agent that the authorizer let in. */

import { SUBPROTOCOL } from "../../core/protocol";
import { holderOf } from "../lease/holder";
import type { AcquireOutcome, LeaseStore } from "../lease/store";
import { fromContext } from "../shared/identity";
import type { RouteEvent, RouteResult } from "../shared/message-route";

export interface ConnectDependencies {
  leases: Pick<LeaseStore, "acquire">;
}

/**
 * What a handshake is answered. A process that lost its agent to a newer one gets a connection, on which it is told
 * so: a refusal can't say it. What is contended may be tried again.
 */
const STATUS: Readonly<Record<AcquireOutcome, number>> = {
  acquired: 200,
  superseded: 200,
  duplicate: 409,
  revoked: 403,
  ended: 503,
  contended: 503,
};

/**
 * Reads nothing: the authorizer has read the registry, and whoever is locked out since then is refused by the
 * fencing token in the row. A failure is left to the gateway, which refuses the handshake; the client tries again.
 */
export function connectHandler({ leases }: ConnectDependencies) {
  return async (event: RouteEvent): Promise<RouteResult> => {
    const identity = fromContext(event.requestContext.authorizer);
    if (identity.role === "agent") {
      const { requestTimeEpoch } = event.requestContext;
      const alone = identity.onDuplicate === "reject";
      const outcome = await leases.acquire(holderOf(event, identity), requestTimeEpoch, alone);
      if (STATUS[outcome] !== 200) return { statusCode: STATUS[outcome] };
    }
    return { statusCode: 200, headers: { "Sec-WebSocket-Protocol": SUBPROTOCOL } };
  };
}

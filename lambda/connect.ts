/** The `$connect` route: acquires the lease of an agent that the authorizer let in. */

import { SUBPROTOCOL } from "@agent-heartbeat/sdk/protocol";
import { fromContext } from "./auth/identity";
import { holderOf } from "./lease/holder";
import type { LeaseStore } from "./lease/store";
import type { RouteEvent, RouteResult } from "./wire/route";

export interface ConnectDependencies {
  leases: Pick<LeaseStore, "acquire">;
}

/** A failure is left to the gateway, which refuses the handshake; the client tries again. */
export function connectHandler({ leases }: ConnectDependencies) {
  return async (event: RouteEvent): Promise<RouteResult> => {
    const identity = fromContext(event.requestContext.authorizer);
    if (identity.role === "agent") {
      const holder = holderOf(event, identity);
      const alone = identity.onDuplicate === "reject";
      const result = await leases.acquire(holder, event.requestContext.requestTimeEpoch, alone);
      // A connection that is older than the row's is told so at its first heartbeat.
      const other = !result.written && result.row?.instanceId !== holder.instanceId;
      if (alone && other) return { statusCode: 409 };
    }
    return { statusCode: 200, headers: { "Sec-WebSocket-Protocol": SUBPROTOCOL } };
  };
}

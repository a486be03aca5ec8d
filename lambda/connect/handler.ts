/** The `$connect` route: acquires the lease of an agent that the authorizer let in. */

import { SUBPROTOCOL } from "../../core/protocol";
import type { LoginRegistry } from "../authorize/store";
import { holderOf } from "../lease/holder";
import type { LeaseStore } from "../lease/store";
import { fromContext, type Identity } from "../shared/identity";
import type { RouteEvent, RouteResult } from "../shared/message-route";

export interface ConnectDependencies {
  leases: Pick<LeaseStore, "acquire" | "release">;
  registry: Pick<LoginRegistry, "find">;
}

/** A failure is left to the gateway, which refuses the handshake; the client tries again. */
export function connectHandler({ leases, registry }: ConnectDependencies) {
  return async (event: RouteEvent): Promise<RouteResult> => {
    const identity = fromContext(event.requestContext.authorizer);
    if (identity.role === "agent") {
      const holder = holderOf(event, identity);
      const now = event.requestContext.requestTimeEpoch;
      const alone = identity.onDuplicate === "reject";
      const result = await leases.acquire(holder, now, alone);
      // A connection that is older than the row's is told so at its first heartbeat.
      const other = !result.written && result.row?.instanceId !== holder.instanceId;
      if (alone && other) return { statusCode: 409 };
      if (!(await stillRegistered(identity, registry))) {
        await leases.release(holder, now, "revoked");
        return { statusCode: 403 };
      }
    }
    return { statusCode: 200, headers: { "Sec-WebSocket-Protocol": SUBPROTOCOL } };
  };
}

/**
 * Whether the agent may still connect. Whoever revokes an agent writes the registry first and the status
 * then; this connection wrote the status and reads the registry now: one of the two sees the other.
 */
async function stillRegistered(
  { organizationId, agentId }: Identity,
  registry: ConnectDependencies["registry"],
): Promise<boolean> {
  return (await registry.find(organizationId, agentId))?.enabled === true;
}

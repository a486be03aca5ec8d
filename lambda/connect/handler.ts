/**
 * The `$connect` route: acquires the lease of an agent that the authorizer let in, and lists it by its capabilities. Lists
 * whoever else connects.
 */

import { AGENT_WATCHES_STATUS, SUBPROTOCOL } from "../../core/login-claims";
import type { AcquireOutcome } from "../lease/holder";
import type { LeaseStore } from "../lease/store";
import type { CapableAgents } from "../messaging/capable-agents";
import type { SubscriptionStore } from "../messaging/subscriptions";
import type { ProfileStore } from "../profile/store";
import type { Guard } from "../shared/guard";
import { connectionOf, fromContext } from "../shared/identity";
import type { Log } from "../shared/log";
import type { RouteEvent, RouteResult } from "../shared/message-route";

export interface ConnectDependencies {
  leases: Pick<LeaseStore, "acquire">;
  subscriptions: Pick<SubscriptionStore, "addConnection">;
  profiles: Pick<ProfileStore, "capabilities">;
  capable: Pick<CapableAgents, "add">;
  guard: Guard;
  log: Log;
}

/**
 * What a handshake is answered. A process that lost its agent to a newer one gets a connection, on which it is notified
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
 * Reads no registration: the authorizer has done so, and whoever is locked out since then is refused by the fencing token in the
 * row. A failure is left to the gateway, which refuses the handshake; the client tries again.
 */
export function connectHandler({ leases, profiles, capable, log, ...rest }: ConnectDependencies) {
  return async (event: RouteEvent): Promise<RouteResult> => {
    const identity = fromContext(event.requestContext.authorizer);
    // It would supersede the agent's own process.
    if (identity.watches && identity.role === "agent") return { statusCode: AGENT_WATCHES_STATUS };
    const { requestTimeEpoch } = event.requestContext;
    const connection = connectionOf(event.requestContext, identity);
    const alone = identity.onDuplicate === "reject";
    const outcome =
      identity.role === "agent"
        ? await leases.acquire(connection, requestTimeEpoch, alone)
        : await list(connection, rest);
    const statusCode = STATUS[outcome];
    if (statusCode !== 200) return { statusCode };
    if (outcome === "acquired" && identity.role === "agent") {
      await listCapabilities(connection, requestTimeEpoch);
    }
    return { statusCode, headers: { "Sec-WebSocket-Protocol": SUBPROTOCOL } };
  };

  /** Without it, the agent is still online: messages to its capabilities go to others. */
  async function listCapabilities(connection: ReturnType<typeof connectionOf>, now: number) {
    const { organizationId, agentId } = connection;
    try {
      const capabilities = await profiles.capabilities(organizationId, agentId);
      await capable.add(connection, capabilities, now);
    } catch (error) {
      log.warn({ event: "capabilities_not_listed", organizationId, agentId, error: String(error) });
    }
  }
}

/** A lock-out writes the row and closes what is listed then; this lists and looks at the row then: one sees the other. */
async function list(
  connection: ReturnType<typeof connectionOf>,
  { subscriptions, guard }: Pick<ConnectDependencies, "subscriptions" | "guard">,
): Promise<AcquireOutcome> {
  await subscriptions.addConnection(connection);
  const { standing } = await guard.judge(connection, true);
  return standing === "revoked" ? "revoked" : "acquired";
}

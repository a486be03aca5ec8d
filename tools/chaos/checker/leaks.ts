/** Finds what remains after every agent has left. */

import type { Evidence } from "../evidence";

export interface LeakFindings {
  sockets: string[];
  rows: string[];
  subscriptions: string[];
}

/** API Gateway closes a connection after two hours. A subscription may outlive it by a quarter of an hour. */
const LONGEST_TTL_SECONDS = 2 * 3600 + 15 * 60;

/**
 * A subscription may remain if its connection's `$disconnect` was not handled, or was handled before the `subscribe` (the
 * gateway does not keep messages in order), and if its TTL is soon enough.
 */
export function findLeaks({
  agents,
  leftovers,
  released,
  crossed,
  endedAt,
}: Evidence): LeakFindings {
  const sockets = [...agents.values()]
    .filter(({ socketsLeft }) => socketsLeft > 0)
    .map(({ agentId, socketsLeft }) => `${agentId}: ${socketsLeft} open after it stopped`);
  if (leftovers.gatewayConnections > 0) {
    sockets.push(`the gateway: ${leftovers.gatewayConnections} connections without an agent`);
  }
  if (leftovers.links > 0) sockets.push(`${leftovers.links} links to the gateway`);
  const subscriptions = leftovers.subscriptions.flatMap(({ connectionId, ttlEpochSeconds }) => {
    if (released.has(connectionId) && !crossed.has(connectionId))
      return [`${connectionId}: its $disconnect was carried out`];
    const seconds = (ttlEpochSeconds ?? Number.POSITIVE_INFINITY) - endedAt / 1000;
    return seconds > LONGEST_TTL_SECONDS ? [`${connectionId}: kept for ${seconds} s`] : [];
  });
  return { sockets, rows: leftovers.onlineRows, subscriptions };
}

/** Finds what is still there after every agent has left. */

import type { Evidence } from "../evidence";

export interface LeakJudgement {
  sockets: string[];
  rows: string[];
  subscriptions: string[];
}

/** API Gateway ends a connection after two hours; what knows nothing of its end may outlive it by a quarter of an hour. */
const LONGEST_TTL_SECONDS = 2 * 3600 + 15 * 60;

/**
 * A subscription may stay if nobody carried out its connection's `$disconnect`, or only before the `subscribe` itself, for
 * the gateway keeps messages in no order; and if its own end is near enough.
 */
export function judgeLeaks({
  agents,
  leftovers,
  released,
  crossed,
  endedAt,
}: Evidence): LeakJudgement {
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

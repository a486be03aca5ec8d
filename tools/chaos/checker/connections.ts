/** The earliest time at which each connection of an agent ended. */

import type { AgentEvidence, ClientConnection, Evidence } from "../evidence";

/** The maximum difference between the clock of leases, in whole milliseconds, and the run's clock. */
export const CLOCK_MS = 20;

export interface JudgedConnection extends ClientConnection {
  /** Infinite if it never ended. */
  endsAt: number;
}

/** The time of each connection's end, as reported to `$disconnect`. */
export function gatewayEnds({ signs }: Evidence): Map<string, number> {
  const ends = new Map<string, number>();
  for (const { kind, connectionId, at } of signs) {
    if (kind === "disconnect" && !ends.has(connectionId)) ends.set(connectionId, at);
  }
  return ends;
}

/**
 * An agent's connections. A connection ends when its agent gives it up or notices its end, when the gateway reports its end, or
 * when the run resets its link, kills its process or kills the gateway, whichever is first.
 */
export function connectionsOf(
  agent: AgentEvidence,
  { connectionIds, gatewayKills }: Evidence,
  ends: ReadonlyMap<string, number>,
): JudgedConnection[] {
  return [...agent.connections].map(([link, connection]) => {
    const openedAt = connection.openedAt ?? Number.POSITIVE_INFINITY;
    const endsAt = Math.min(
      connection.endedAt ?? Number.POSITIVE_INFINITY,
      ends.get(connectionIds.get(link) ?? "") ?? Number.POSITIVE_INFINITY,
      ...[...agent.cuts, ...gatewayKills].filter((at) => at >= openedAt),
    );
    return { ...connection, endsAt };
  });
}

/** When each connection of an agent ended at the earliest, by whichever account. */

import type { AgentEvidence, ClientConnection, Evidence } from "../evidence";

/** By how much the clock of leases, which counts whole milliseconds, may differ from that of the run. */
export const CLOCK_MS = 20;

export interface JudgedConnection extends ClientConnection {
  /** Infinite for one that never ended. */
  endsAt: number;
}

/** The moment of each connection's end, as the gateway told its `$disconnect`. */
export function gatewayEnds({ signs }: Evidence): Map<string, number> {
  const ends = new Map<string, number>();
  for (const { kind, connectionId, at } of signs) {
    if (kind === "disconnect" && !ends.has(connectionId)) ends.set(connectionId, at);
  }
  return ends;
}

/**
 * An agent's connections. One ends when its agent gives it up or hears of its end, when the gateway tells
 * its end, or when the run resets its link, kills its process or kills the gateway, whichever is first.
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

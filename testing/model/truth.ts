/** What is true of an agent, from what has been delivered of it. */

import type { Connection, Fact } from "./history";

/** A fact, and in which step it was handled; one may be handled again. */
export interface Delivery {
  fact: Fact;
  step: number;
}

/** What there is to know of an agent from what has been delivered, in whatever order it was. */
export interface Truth {
  connection: Connection;
  /** The last sign of life. */
  lastHeartbeatAt: number;
  ended: Fact | undefined;
  /** Heartbeats of older connections of the same process, and the ends of those. */
  olderBeats: Fact[];
  /** Those that may keep the agent online. */
  keepers: Fact[];
  olderEnds: Fact[];
}

export function truthOf(
  connections: Connection[],
  delivered: Delivery[],
  agent: number,
): Truth | undefined {
  const seen = delivered.filter(({ fact }) => fact.agent === agent);
  const [newest] = [...new Set(seen.map(({ fact }) => fact.connection))].sort((one, other) =>
    newerFirst(connections[one], connections[other]),
  );
  const connection = newest === undefined ? undefined : connections[newest];
  if (!connection) return undefined;
  const own = seen.filter(({ fact }) => fact.connection === newest);
  const signs = own.flatMap(({ fact }) => (fact.kind === "disconnect" ? [] : [fact.at]));
  const end = own.find(({ fact }) => fact.kind === "disconnect");
  const older = seen.filter(({ fact }) => {
    const other = connections[fact.connection];
    return fact.connection !== newest && other?.process === connection.process;
  });
  const olderEnds = older.filter(({ fact }) => fact.kind === "disconnect");
  const beats = older.filter(({ fact }) => fact.kind === "heartbeat");
  return {
    connection,
    lastHeartbeatAt: Math.max(...signs),
    ended: end?.fact,
    olderBeats: beats.map(({ fact }) => fact),
    keepers: beats.filter((beat) => !end || counts(beat, end, older)).map(({ fact }) => fact),
    olderEnds: olderEnds.map(({ fact }) => fact),
  };
}

/**
 * Whether a heartbeat of an older connection may keep its agent online after the newer one's end: not if it
 * came in before that end and was handled after it, nor if it was handled before its own connection's end,
 * that being the only older one.
 */
function counts(beat: Delivery, end: Delivery, older: Delivery[]): boolean {
  if (beat.step > end.step && beat.fact.at <= end.fact.at) return false;
  const alone = older.every(({ fact }) => fact.connection === beat.fact.connection);
  const own = older.find(({ fact }) => fact.kind === "disconnect");
  return !(alone && own && beat.step < own.step && own.step !== end.step);
}

function newerFirst(one: Connection | undefined, other: Connection | undefined): number {
  if (!one || !other) return 0;
  if (one.connectedAt !== other.connectedAt) return other.connectedAt - one.connectedAt;
  return one.connectionId < other.connectionId ? 1 : -1;
}

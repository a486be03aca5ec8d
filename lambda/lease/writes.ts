/**
 * The writes of a lease, each with the condition under which it may be made. A row belongs to the agent's newest process
 * for as long as that process has a connection and its lease runs.
 *
 * With an attribute that the row lacks every comparison is false, but for `<>`: its negation is true.
 */

import type { StatusWrite, WriteValues } from "../../core/status-write";

export type Write = Pick<StatusWrite, "update" | "condition">;

/** A write with the outcome that it has for its connection or process. */
export type Settling<Outcome extends string> = Write & { outcome: Outcome };

/** Most connections of a process at once: one, two while it rotates, and room for one that was lost. */
export const MOST_CONNECTIONS = 3;
/** Most connections that are remembered after they lost the row. */
export const MOST_DISPLACED = 4;
/** Most processes that are remembered. */
export const MOST_PROCESSES = 6;

/** Whether the agent has been online without a break, or a lease expired in between. */
export type OnlinePeriod = "goesOn" | "begins";

const PERIODS = {
  goesOn: {
    condition: "(attribute_not_exists(onlineSince) OR leaseExpiresAt > :now)",
    onlineSince: "if_not_exists(onlineSince, :now)",
  },
  begins: { condition: "leaseExpiresAt <= :now", onlineSince: ":now" },
};

/** Set by every write that proves the process alive. */
const heard = (period: OnlinePeriod) =>
  `SET #status = :online, onlineSince = ${PERIODS[period].onlineSince}, lastHeartbeatAt = :now, leaseExpiresAt = :leaseExpiresAt, heartbeatIntervalMs = :heartbeatIntervalMs, ttlEpochSeconds = :ttlEpochSeconds`;

/** Set by every write that proves a connection alive. */
const alive = (period: OnlinePeriod) =>
  `${heard(period)}, connectionId = :connectionId, connectedAt = :connectedAt`;

/** The activity, as attributes under their own names. One that the heartbeat does not have is removed. */
function assignmentsOf(work: WriteValues): { set: string; missing: string[] } {
  const names = Object.keys(work);
  const given = names.filter((name) => work[name] !== undefined);
  return {
    set: given.map((name) => `, ${name} = :${name}`).join(""),
    missing: names.filter((name) => work[name] === undefined),
  };
}

/** Nobody was locked out since the connection logged in, and its key was not taken away. */
const notFenced = "NOT fencingToken > :fencingToken";
const keyIsValid = "NOT contains(revokedKeys, :keyTag)";

/** The row's time does not run backward, so that of two online states the later one is the newer one. */
const mayWrite = (period: OnlinePeriod) =>
  `${keyIsValid} AND NOT lastHeartbeatAt >= :now AND ${PERIODS[period].condition}`;

/** The connection has not ended. That of an HTTP heartbeat can't have, because its token is new. */
const mayHold = (period: OnlinePeriod) => `${mayWrite(period)} AND lastEnded <> :connectionId`;

/** A connection that has lost the row does not take it again. */
const notDisplaced = "NOT contains(displaced, :entry)";

/** A row accepts only a token that is newer than all before it: each works once, and in order. */
const newerToken = "NOT lastToken >= :issued";
const tokenUsed = "lastToken = :used";

const sameProcess = "instanceId = :instanceId";

/** The process holds the row, held it before, or tried to. */
const knownProcess = "contains(processes, :process)";

/**
 * Why a process may take the row. It is newer where it may be, by the clocks of the gateway's hosts. A login with a greater
 * fencing token proves that those of the row were locked out, though the lock-out may not have been written yet.
 */
const WAYS = {
  gone: "attribute_not_exists(connections) AND NOT disconnectedAt > :latestOlder",
  expired: "leaseExpiresAt <= :now",
  lockedOut: "fencingToken < :fencingToken",
  newer: `NOT ${knownProcess} AND connectedAt <= :latestReplaced`,
};

/** A WebSocket may also replace those of its own process. An HTTP heartbeat may not: it can be older than the end of a WebSocket. */
const WAY_BACK = `${sameProcess} AND attribute_exists(connections)`;

/** An HTTP heartbeat takes nothing from its own process's connections. */
const notHeld =
  "(instanceId <> :instanceId OR attribute_not_exists(connections) OR fencingToken < :fencingToken)";

export interface TakeOptions {
  /**
   * Whether the processes before the last one are forgotten: only if they began so much earlier that none of their connections can
   * be taken for a newer one.
   */
  trim?: boolean;
  /** The work that an HTTP heartbeat reports. */
  work?: WriteValues | undefined;
}

/** acquire: the process takes the row, or returns to it with a new connection in place of all others. */
export function take(
  period: OnlinePeriod,
  { trim = false, work }: TakeOptions = {},
): Settling<"acquired"> {
  const possible = [...Object.values(WAYS), ...(work ? [] : [WAY_BACK])];
  const ways = period === "begins" ? "" : ` AND ((${possible.join(") OR (")}))`;
  const room = trim
    ? "instanceId = :observedInstanceId"
    : `(attribute_not_exists(processes) OR ${knownProcess} OR size(processes) < :mostProcesses)`;
  const processes = trim ? ", processes = :lastProcesses" : " ADD processes :processes";
  const { set, missing } = assignmentsOf(work ?? { activity: undefined, stallsAt: undefined });
  const token = work ? `, ${tokenUsed}` : "";
  const remove = ["reason", "disconnectedAt", ...missing].join(", ");
  const mayTake = work
    ? `${mayWrite(period)} AND ${newerToken} AND ${notHeld}`
    : `${mayHold(period)} AND ${notDisplaced}`;
  return {
    outcome: "acquired",
    condition: `${notFenced} AND ${mayTake} AND ${room}${ways}`,
    update: `${alive(period)}, instanceId = :instanceId, fencingToken = :fencingToken, connections = :entries, displaced = if_not_exists(connections, :nobody), displacedAt = :now${token}${set}${processes} REMOVE ${remove}`,
  };
}

/** acquire: one more connection of the process. */
export const add = (period: OnlinePeriod): Settling<"acquired"> => ({
  outcome: "acquired",
  condition: `${mayHold(period)} AND ${sameProcess} AND fencingToken = :fencingToken AND size(connections) < :mostConnections AND NOT begins_with(connectionId, :http)`,
  update: `${alive(period)} ADD connections :entries REMOVE reason`,
});

/** The process has lost the row to one that lives. */
const lost = `NOT ${sameProcess} AND attribute_exists(connections)`;

/** acquire: the connection is stored for future lock-outs, and refused if it is locked out already. */
export const LOSE: Settling<"superseded"> = {
  outcome: "superseded",
  condition: `${notFenced} AND ${keyIsValid} AND ${lost} AND (attribute_not_exists(displaced) OR size(displaced) < :mostDisplaced)`,
  update: "SET displacedAt = :now ADD displaced :entries, processes :processes",
};

/** acquire: the process has no connection. */
export const LOSE_OVER_HTTP: Settling<"superseded"> = {
  outcome: "superseded",
  condition: `${lost} AND size(processes) < :mostProcesses AND ${newerToken}`,
  update: "ADD processes :processes",
};

/** renew: one of the row's connections; of two heartbeats the later one counts, whichever is written last. */
export const renew = (period: OnlinePeriod, work: WriteValues): Settling<"renewed"> => ({
  outcome: "renewed",
  condition: `contains(connections, :entry) AND ${later(period)}`,
  update: renewed(alive(period), work),
});

/** renew: the row's process, whichever connections it has. */
export const renewOverHttp = (period: OnlinePeriod, work: WriteValues): Settling<"renewed"> => ({
  outcome: "renewed",
  condition: `${sameProcess} AND attribute_exists(connections) AND fencingToken = :fencingToken AND ${keyIsValid} AND ${newerToken} AND ${later(period)}`,
  update: renewed(`${heard(period)}, ${tokenUsed}`, work),
});

const later = (period: OnlinePeriod) => `lastHeartbeatAt < :now AND ${PERIODS[period].condition}`;

function renewed(set: string, work: WriteValues): string {
  const assigned = assignmentsOf(work);
  const remove = ["reason", "displacedAt", ...assigned.missing].join(", ");
  return `${set}${assigned.set} REMOVE ${remove} DELETE displaced :nobody`;
}

const ENDED =
  "#status = :offline, reason = if_not_exists(reason, :reason), disconnectedAt = :endedAt";
const ENDED_REMOVES = "connections, onlineSince, stalledSince";

/** release: a process without a WebSocket leaves. */
export const LEAVE: Settling<"left"> = {
  outcome: "left",
  condition: `${sameProcess} AND attribute_exists(connections) AND begins_with(connectionId, :http) AND ${newerToken}`,
  update: `SET ${ENDED}, lastEnded = connectionId, ${tokenUsed} REMOVE ${ENDED_REMOVES}`,
};

/** release: a process that is offline already. No heartbeat that it sent before brings it back. */
export const STAY_AWAY: Settling<"left"> = {
  outcome: "left",
  condition: `${sameProcess} AND attribute_not_exists(connections) AND ${newerToken}`,
  update: `SET ${tokenUsed}`,
};

/** release: the last connection. Where a sweep was first, the reason stays; a late end is derived: `derivePresence`. */
export const END: Settling<"ended"> = {
  outcome: "ended",
  condition: "connections = :entries",
  update: `SET ${ENDED}, lastEnded = :connectionId REMOVE ${ENDED_REMOVES}`,
};

/** release: any other connection. */
export const NOTE: Settling<"noted"> = {
  outcome: "noted",
  condition: "connections <> :entries",
  update:
    "SET lastEnded = :connectionId, ttlEpochSeconds = if_not_exists(ttlEpochSeconds, :kept) DELETE connections :entries, displaced :entries",
};

/** The lease is the observed one, so no heartbeat has renewed it since. */
export const EXPIRE: Write = {
  condition: "#status = :online AND leaseExpiresAt = :leaseExpiresAt",
  update: "SET #status = :offline, reason = :expired REMOVE onlineSince, stalledSince",
};

/** The work has not advanced since it was observed, and is not marked as stalled yet. */
export const STALL: Write = {
  condition: "#status = :online AND stallsAt = :stallsAt AND attribute_not_exists(stalledSince)",
  update: "SET stalledSince = :stallsAt",
};

/** The mark is the one that was observed. */
export const RECOVER: Write = {
  condition: "stalledSince = :stalledSince",
  update: "REMOVE stalledSince",
};

/** The displaced connections are those that were observed. */
export const FORGET: Write = { condition: "displaced = :displaced", update: "REMOVE displaced" };

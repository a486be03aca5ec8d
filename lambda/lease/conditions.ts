/**
 * The conditions under which a lease may be written, each with a name.
 *
 * A row belongs to the agent's newest process for as long as that process has a connection and its lease runs.
 */

/** Most connections of a process at once: one, two while it rotates, and room for one that was lost. */
export const MOST_CONNECTIONS = 3;
/** Most connections that are remembered after they lost the row. */
export const MOST_DISPLACED = 4;
/** Most processes that are remembered. */
export const MOST_PROCESSES = 6;

/** Nothing was revoked since the connection logged in. */
const notLockedOut =
  "(attribute_not_exists(revokedAt) OR revokedAt <= :fencingToken) AND NOT contains(revokedKeys, :keyTag)";

/** The connection's end was not written before its beginning. */
const notEnded = "lastEnded <> :connectionId";

/** The row's time never runs backward, so that of two online states the later one is the newer one. */
const later = "(attribute_not_exists(lastHeartbeatAt) OR lastHeartbeatAt < :now)";

const sameProcess = "instanceId = :instanceId";

/** The row's process has no connection any more, as far as this one can know, or was not heard of for a lease. */
const processHasGone =
  "(attribute_not_exists(connections) AND (attribute_not_exists(disconnectedAt) OR disconnectedAt <= :latestOlder)) OR leaseExpiresAt <= :now";

/** The process holds the row, held it before, or tried to. */
const knownProcess = "contains(processes, :process)";

/** Hosts of the gateway may disagree about the time: whoever may be newer by their clocks is. */
const mayBeNewer = "connectedAt <= :latestOlder";

const ownConnection = "contains(connections, :entry)";

const roomForProcess = `(attribute_not_exists(processes) OR ${knownProcess} OR size(processes) < :mostProcesses)`;

/** What the row is about to say of the time since when the agent is online is so. */
const onlinePeriod = {
  goesOn: "(attribute_not_exists(onlineSince) OR leaseExpiresAt > :now)",
  begins: "leaseExpiresAt <= :now",
};
export type OnlinePeriod = keyof typeof onlinePeriod;

const mayHold = (period: OnlinePeriod) =>
  `${notLockedOut} AND ${notEnded} AND ${later} AND ${onlinePeriod[period]}`;

/** acquire: the process takes the row, or comes back to it with a new connection in place of all others. */
export const mayTake = (period: OnlinePeriod, { alone = false, trim = false } = {}) =>
  [
    mayHold(period),
    trim ? "instanceId = :observedInstanceId" : roomForProcess,
    `(${[
      processHasGone,
      `(${sameProcess} AND connectedAt < :connectedAt)`,
      ...(alone ? [] : [`(NOT ${knownProcess} AND ${mayBeNewer})`]),
    ].join(" OR ")})`,
  ].join(" AND ");

/** acquire: the process, which goes on with another connection, has one more. */
export const mayAdd = (period: OnlinePeriod) =>
  `${mayHold(period)} AND ${sameProcess} AND size(connections) < :mostConnections`;

/** acquire: the process has lost the row, and may have to be remembered for it. */
export const mayLose = `${notLockedOut} AND NOT ${sameProcess} AND leaseExpiresAt > :now AND attribute_exists(connections) AND (attribute_not_exists(displaced) OR size(displaced) < :mostDisplaced)`;

/** renew: one of the row's connections; of two heartbeats the later one counts, whichever is written last. */
export const mayRenew = (period: OnlinePeriod) =>
  `${ownConnection} AND lastHeartbeatAt < :now AND ${onlinePeriod[period]}`;

/** release: the last connection ends. */
export const mayEnd = "connections = :entries";

/** release: another connection of the process is left. */
export const mayLeave = `${ownConnection} AND connections <> :entries`;

/** release: the row is not the connection's, so that only its end is noted. */
export const mayNote = `NOT ${ownConnection}`;

/** expire: the lease is the one that was observed, so no heartbeat has come in since. */
export const mayExpire = "#status = :online AND leaseExpiresAt = :observedLeaseExpiresAt";

/** stall: the work has not advanced since it was observed, and nobody has marked it. */
export const mayStall =
  "#status = :online AND stallsAt = :stallsAt AND attribute_not_exists(stalledSince)";

/** recover: the mark is the one that was observed, and the deadline it was set for is not the row's any more. */
export const mayRecover =
  "#status = :online AND stalledSince = :stalledSince AND (attribute_not_exists(stallsAt) OR stallsAt <> :stalledSince)";

/** forget: the displaced connections are those that were observed. */
export const mayForget = "displaced = :observedDisplaced";

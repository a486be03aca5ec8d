/** What each write of a lease does, as text. */

import type { OnlinePeriod } from "./conditions";

const onlineSince = (period: OnlinePeriod) =>
  period === "begins" ? "onlineSince = :now" : "onlineSince = if_not_exists(onlineSince, :now)";

/** What every write sets that proves the process alive. */
const alive = (period: OnlinePeriod) =>
  `#status = :online, connectionId = :connectionId, connectedAt = :connectedAt, ${onlineSince(period)}, ` +
  "lastHeartbeatAt = :now, leaseExpiresAt = :leaseExpiresAt, " +
  "heartbeatIntervalMs = :heartbeatIntervalMs, ttlEpochSeconds = :ttlEpochSeconds";

/** @param trim whether the processes before the last one are forgotten */
export const take = (period: OnlinePeriod, { trim = false } = {}) =>
  `SET ${alive(period)}, instanceId = :instanceId, connections = :entries, ` +
  "displaced = if_not_exists(connections, :nobody), displacedAt = :now" +
  (trim ? ", processes = :processes REMOVE " : " ADD processes :processes REMOVE ") +
  "reason, disconnectedAt, activity, stallsAt";

export const add = (period: OnlinePeriod) =>
  `SET ${alive(period)} ADD connections :entries REMOVE reason, disconnectedAt`;

export const LOSE = "SET displacedAt = :now ADD displaced :entries, processes :processes";

/**
 * @param given attributes that it has a value for, under their own names
 * @param missing attributes that it has none for, and that must not outlive it
 */
export const renew = (
  period: OnlinePeriod,
  given: readonly string[],
  missing: readonly string[],
): string =>
  `SET ${[alive(period), ...given.map((name) => `${name} = :${name}`)].join(", ")} ` +
  `REMOVE ${["reason", "disconnectedAt", "displacedAt", ...missing].join(", ")} DELETE displaced :nobody`;

/** Where a sweep was first, the reason stays. An end after the lease's end is read as an expiry: see `derivePresence`. */
export const END =
  "SET #status = :offline, reason = if_not_exists(reason, :reason), disconnectedAt = :now, lastEnded = :connectionId " +
  "REMOVE connections, onlineSince, stalledSince";

export const LEAVE = "SET lastEnded = :connectionId DELETE connections :entries";

export const NOTE =
  "SET lastEnded = :connectionId, ttlEpochSeconds = if_not_exists(ttlEpochSeconds, :kept) DELETE displaced :entries";

export const EXPIRE = "SET #status = :offline, reason = :expired REMOVE onlineSince, stalledSince";

export const STALL = "SET stalledSince = :stallsAt";

export const RECOVER = "REMOVE stalledSince";

export const FORGET = "REMOVE displaced";

/**
 * The conditions under which a lease may be written, each with a name.
 *
 * A connection's *fence* is the pair (connectedAt, connectionId), both given by the gateway. The
 * connections of an agent are ordered by it; the pair makes the order total where two connect in the
 * same millisecond. A row belongs to the greatest fence that it has seen.
 */

const noRow = "attribute_not_exists(organizationId)";

/** The row belongs to an older connection than the one that writes. */
const olderConnection =
  "(connectedAt < :connectedAt OR (connectedAt = :connectedAt AND connectionId < :connectionId))";

const sameConnection = "connectionId = :connectionId";

/** The row's connection has not ended: once it has, its late messages are void. */
const stillOpen = "attribute_not_exists(disconnectedAt)";

/** The write does not shorten the lease: of two heartbeats, the later one counts, whichever is written last. */
const leaseAdvances = "leaseExpiresAt <= :leaseExpiresAt";

/** No other process of the agent holds a running lease. */
const noOtherInstance =
  "(attribute_not_exists(organizationId) OR #status <> :online OR leaseExpiresAt <= :now OR instanceId = :instanceId)";

/** acquire, renew: take or keep the row. */
export const mayHold = `${noRow} OR ${olderConnection} OR (${sameConnection} AND ${stillOpen} AND ${leaseAdvances})`;

/** acquire with the duplicate policy `reject`. */
export const mayHoldAlone = `(${mayHold}) AND ${noOtherInstance}`;

/** No older connection of the same process, heard of since this one began, has a running lease of its own. */
const noSpare = "(spareBeside <> :connectionId OR spareLeaseExpiresAt <= :now)";

/** release: end the connection that the row belongs to. */
export const mayRelease = `${sameConnection} AND ${stillOpen} AND ${noSpare}`;

/** release where the spare is left: its lease is the one that was observed. */
export const mayFallBack = `${sameConnection} AND ${stillOpen} AND spareBeside = :connectionId AND spareLeaseExpiresAt = :spareLeaseExpiresAt`;

/**
 * renew by a connection that is older than the row's, but of the same process: it proves that the process
 * lives. The row's connection is the one that was observed. After the row's connection has ended only a heartbeat that came in later does.
 */
export const mayRenewSpare = `connectionId = :spareBeside AND reason <> :revoked AND ${leaseAdvances} AND (${stillOpen} OR disconnectedAt < :now)`;

const spareConnection = "spareConnectionId = :connectionId";

/** release of the spare, the last connection that was left. */
export const mayReleaseSpare = `${spareConnection} AND spareBeside = connectionId AND attribute_exists(disconnectedAt)`;

/** release of the spare beside the row's own connection. */
export const mayForgetSpare = `${spareConnection} AND ${stillOpen}`;

/** release of a connection that the row has not seen: its end arrived before its beginning. */
export const mayReleaseUnseen = `${noRow} OR ${olderConnection}`;

/** expire: the lease is the one that was observed, so no heartbeat has come in since. */
export const mayExpire = "#status = :online AND leaseExpiresAt = :observedLeaseExpiresAt";

/** stall: the work has not advanced since it was observed, and nobody has marked it. */
export const mayStall =
  "#status = :online AND stallsAt = :stallsAt AND attribute_not_exists(stalledSince)";

/** recover: the mark is the one that was observed, and the deadline it was set for is not the row's any more. */
export const mayRecover =
  "#status = :online AND stalledSince = :stalledSince AND (attribute_not_exists(stallsAt) OR stallsAt <> :stalledSince)";

/**
 * The update of acquire and renew, as text: the store sends it from a function, and the stack puts the same into
 * the template of a route that has none.
 */

/** What every write that takes or keeps the row sets. */
const HOLD =
  "SET #status = :online, connectionId = :connectionId, connectedAt = :connectedAt, instanceId = :instanceId, " +
  "onlineSince = if_not_exists(onlineSince, :now), lastHeartbeatAt = :now, leaseExpiresAt = :leaseExpiresAt, " +
  "leaseMs = :leaseMs, heartbeatIntervalMs = :heartbeatIntervalMs, ttlEpochSeconds = :ttlEpochSeconds";

/** What every write that takes or keeps the row removes: what only an offline agent has. */
const HOLD_REMOVES = ["reason", "disconnectedAt"] as const;

const RENEW_SPARE =
  "SET #status = :online, onlineSince = if_not_exists(onlineSince, :now), lastHeartbeatAt = :now, " +
  "leaseExpiresAt = :leaseExpiresAt, ttlEpochSeconds = :ttlEpochSeconds, " +
  "spareBeside = :spareBeside, spareConnectionId = :connectionId, spareLeaseExpiresAt = :leaseExpiresAt";

/**
 * The update of a write that takes or keeps the row.
 *
 * @param given attributes that it has a value for, under their own names
 * @param missing attributes that it has none for, and that must not outlive it
 */
export function holdUpdate(given: readonly string[], missing: readonly string[]): string {
  return updateOf(HOLD, given, [...HOLD_REMOVES, ...missing]);
}

/** The same of a spare connection's heartbeat, which leaves the row to the newer one: also the mark of its end. */
export function renewSpareUpdate(given: readonly string[], missing: readonly string[]): string {
  return updateOf(RENEW_SPARE, given, ["reason", ...missing]);
}

function updateOf(set: string, given: readonly string[], remove: readonly string[]): string {
  const assignments = [set, ...given.map((name) => `${name} = :${name}`)];
  return `${assignments.join(", ")} REMOVE ${remove.join(", ")}`;
}

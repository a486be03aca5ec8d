/** What a lock-out removes of a status row, and how long it is kept. */

import { LIMITS } from "./limits";

/** The attributes of a row that an agent has only while it is online. A lock-out removes them. */
export const CONNECTED = "connections, displaced, onlineSince, stalledSince";

/** The other attributes that make a row an agent's presence. Without them, readers skip the row. */
export const PRESENCE =
  "#status, reason, instanceId, connectionId, connectedAt, lastHeartbeatAt, leaseExpiresAt, " +
  "heartbeatIntervalMs, activity, stallsAt, disconnectedAt, processes";

/** How long a row is kept that only stores a lock-out: longer than any connection lives that it locks out. */
export const LOCK_OUT_KEPT_MS = LIMITS.connectionDurationMs + 60 * 60_000;

/** The status row, and the rule by which every reader derives an agent's presence from it. */

import type { Activity, AgentPresence, OfflineReason, Status } from "./presence";

/**
 * A row of the AgentStatus table, as of the last write. Never show its `status`: derive it. A row without an `instanceId` only
 * stores a lock-out or an ended connection.
 */
export interface StatusRow {
  organizationId: string;
  agentId: string;
  /** As of the last write; the lease may have expired since. */
  status: Status;
  /** The agent's newest process. */
  instanceId: string;
  /** Open connections of that process, each with its key's tag; absent if all have ended. */
  connections?: Set<string>;
  /** The most recently active connection, and when it began. */
  connectionId: string;
  connectedAt: number;
  /** When the current online period began; absent while stored as offline. */
  onlineSince?: number;
  lastHeartbeatAt: number;
  leaseExpiresAt: number;
  heartbeatIntervalMs: number;
  activity?: Activity;
  /** Absent while stored as online. */
  reason?: OfflineReason;
  /** When the last connection ended, if that was noticed. */
  disconnectedAt?: number;
  /** Tags of the last few processes that held the row, including the current one. */
  processes?: Set<string>;
  /** Connections that lost the row, and may still be open. */
  displaced?: Set<string>;
  /** Present from a write that displaced connections until the next heartbeat. The stream's filter matches it. */
  displacedAt?: number;
  /** The connection that ended last. Its late writes are ignored. */
  lastEnded?: string;
  /** When the newest token of an HTTP heartbeat was made, and which request used it: see `TokenUse`. */
  lastToken?: string;
  /** The fencing token: earlier logins can't hold the row. */
  fencingToken?: number;
  /** Tags of the last two keys that were removed at once, the newest last: logins with them can't hold the row. */
  revokedKeys?: string[];
  /** When the agent counts as stalled, unless its work makes progress before. */
  stallsAt?: number;
  /** Set by the sweep when the agent has stalled, until its work makes progress. */
  stalledSince?: number;
  ttlEpochSeconds: number;
}

/** The attributes from which presence is derived. */
export type PresenceRow = Omit<
  StatusRow,
  | "organizationId"
  | "ttlEpochSeconds"
  | "stalledSince"
  | "connections"
  | "processes"
  | "displaced"
  | "displacedAt"
  | "lastEnded"
  | "lastToken"
  | "fencingToken"
  | "revokedKeys"
>;

/**
 * The presence in a row at a given time: `online` only if it is stored as online and its lease has not expired. The result does
 * not depend on the sweep and the TTL, which may lag behind by minutes and days.
 *
 * @param now epoch milliseconds by the server's clock
 */
export function derivePresence(row: PresenceRow, now: number): AgentPresence {
  const online = row.status === "online" && now < row.leaseExpiresAt;
  const reason = online ? null : offlineReason(row);
  return {
    agentId: row.agentId,
    status: online ? "online" : "offline",
    reason,
    since: since(row, reason),
    connectedAt: row.connectedAt,
    connectionId: row.connectionId,
    instanceId: row.instanceId,
    lastHeartbeatAt: row.lastHeartbeatAt,
    leaseExpiresAt: row.leaseExpiresAt,
    leaseMs: row.leaseExpiresAt - row.lastHeartbeatAt,
    heartbeatIntervalMs: row.heartbeatIntervalMs,
    activity: row.activity ?? null,
    stalledSince: online && row.stallsAt !== undefined && row.stallsAt <= now ? row.stallsAt : null,
  };
}

/** An end after the lease's end is an expiry, whatever was seen of it later. */
function offlineReason({ reason, disconnectedAt = 0, leaseExpiresAt }: PresenceRow): OfflineReason {
  return reason === undefined || disconnectedAt >= leaseExpiresAt ? "lease_expired" : reason;
}

function since(row: PresenceRow, reason: OfflineReason | null): number {
  if (reason === null) return row.onlineSince ?? row.connectedAt;
  if (reason === "lease_expired") return row.leaseExpiresAt;
  return row.disconnectedAt ?? row.leaseExpiresAt;
}

/**
 * Whether readers skip the row: its retention has passed (DynamoDB deletes it days later), or it is not an agent's presence.
 *
 * @param now epoch milliseconds by the server's clock
 */
export function isPurged(
  row: Pick<StatusRow, "ttlEpochSeconds"> & { instanceId?: string },
  now: number,
): boolean {
  return row.instanceId === undefined || row.ttlEpochSeconds * 1000 <= now;
}

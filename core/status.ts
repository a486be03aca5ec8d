/** The derived status: the one rule by which every reader turns a stored row into what it shows. */

import type { Activity, AgentPresence, OfflineReason, Status } from "./protocol";

/** A row of the AgentStatus table, as stored by the last write. Never show its `status`: derive it. */
export interface StatusRow {
  organizationId: string;
  agentId: string;
  /** As of the last transition; a lease may have run out since. */
  status: Status;
  connectionId: string;
  connectedAt: number;
  /** When the present online period began; absent while stored as offline. */
  onlineSince?: number;
  lastHeartbeatAt: number;
  leaseExpiresAt: number;
  leaseMs: number;
  heartbeatIntervalMs: number;
  instanceId: string;
  activity?: Activity;
  /** Absent while stored as online. */
  reason?: OfflineReason;
  /** When the connection ended, where that was seen; absent after a lease ran out silently. */
  disconnectedAt?: number;
  /** The older one of two connections of the agent's process, while it still has one and beats on it. */
  spareConnectionId?: string;
  /** The newer one of the two: the row's, or one from before. */
  spareBeside?: string;
  spareLeaseExpiresAt?: number;
  /** When the agent counts as stalled, unless its work advances before. */
  stallsAt?: number;
  /** Set by the sweep once the agent has stalled, until its work advances. */
  stalledSince?: number;
  ttlEpochSeconds: number;
}

/**
 * What a stored row means at a moment: `online` only while it is stored as online and its lease runs.
 * The sweep and the TTL may lag by minutes and days; neither is needed for a right answer.
 *
 * @param now epoch milliseconds by the server's clock
 */
export function derivePresence(row: StatusRow, now: number): AgentPresence {
  const online = row.status === "online" && now < row.leaseExpiresAt;
  const reason = online ? null : (row.reason ?? "lease_expired");
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
    leaseMs: row.leaseMs,
    heartbeatIntervalMs: row.heartbeatIntervalMs,
    activity: row.activity ?? null,
    stalledSince: online && row.stallsAt !== undefined && row.stallsAt <= now ? row.stallsAt : null,
  };
}

function since(row: StatusRow, reason: OfflineReason | null): number {
  if (reason === null) return row.onlineSince ?? row.connectedAt;
  if (reason === "lease_expired") return row.leaseExpiresAt;
  return row.disconnectedAt ?? row.leaseExpiresAt;
}

/**
 * Whether the row's retention has passed: DynamoDB deletes it within days, readers skip it at once.
 *
 * @param now epoch milliseconds by the server's clock
 */
export function isPurged(row: StatusRow, now: number): boolean {
  return row.ttlEpochSeconds * 1000 <= now;
}

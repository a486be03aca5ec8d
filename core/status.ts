/** The derived status: the one rule by which every reader turns a stored row into what it shows. */

import type { Activity, AgentPresence, OfflineReason, Status } from "./protocol";

/**
 * A row of the AgentStatus table, as stored by the last write. Never show its `status`: derive it. A row without an
 * `instanceId` is no agent's presence: it keeps that somebody is locked out, or which connection has ended.
 */
export interface StatusRow {
  organizationId: string;
  agentId: string;
  /** As of the last transition; a lease may have run out since. */
  status: Status;
  /** Which process the row belongs to: the agent's newest. */
  instanceId: string;
  /** The open connections of that process, each with its key's tag; absent once all have ended. */
  connections?: Set<string>;
  /** The connection that was heard last, and when it began. */
  connectionId: string;
  connectedAt: number;
  /** When the present online period began; absent while stored as offline. */
  onlineSince?: number;
  lastHeartbeatAt: number;
  leaseExpiresAt: number;
  leaseMs: number;
  heartbeatIntervalMs: number;
  activity?: Activity;
  /** Absent while stored as online. */
  reason?: OfflineReason;
  /** When the last connection ended, where that was seen. */
  disconnectedAt?: number;
  /** Tags of the last few processes that held the row, the present one's among them. */
  processes?: Set<string>;
  /** Connections that lost the row to the last acquisition, and may still be open. */
  displaced?: Set<string>;
  /** Set by what displaces connections, until the next heartbeat: it brings the change to the transitions function. */
  displacedAt?: number;
  /** The connection that ended last: what is still to be written of its beginning is void. */
  lastEnded?: string;
  /** The fencing token: no login from before it may hold the row again. */
  revokedAt?: number;
  /** Tags of keys that were taken away at once: the same for logins with them. */
  revokedKeys?: Set<string>;
  /** When the agent counts as stalled, unless its work advances before. */
  stallsAt?: number;
  /** Set by the sweep once the agent has stalled, until its work advances. */
  stalledSince?: number;
  ttlEpochSeconds: number;
}

/** What of a row its presence is derived from. */
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
  | "revokedAt"
  | "revokedKeys"
>;

/**
 * What a stored row means at a moment: `online` only while it is stored as online and its lease runs.
 * The sweep and the TTL may lag by minutes and days; neither is needed for a right answer.
 *
 * @param now epoch milliseconds by the server's clock
 */
export function derivePresence(row: PresenceRow, now: number): AgentPresence {
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

function since(row: PresenceRow, reason: OfflineReason | null): number {
  if (reason === null) return row.onlineSince ?? row.connectedAt;
  if (reason === "lease_expired") return row.leaseExpiresAt;
  return row.disconnectedAt ?? row.leaseExpiresAt;
}

/**
 * Whether readers skip the row: its retention has passed, and DynamoDB deletes it within days, or it is no agent's
 * presence.
 *
 * @param now epoch milliseconds by the server's clock
 */
export function isPurged(
  row: Pick<StatusRow, "ttlEpochSeconds"> & { instanceId?: string },
  now: number,
): boolean {
  return row.instanceId === undefined || row.ttlEpochSeconds * 1000 <= now;
}

/** Finds in a change of the AgentStatus table whether an agent came or went, and says why. */

import type { OfflineReason, Status } from "@agent-heartbeat/sdk/protocol";
import type { StatusRow } from "@agent-heartbeat/sdk/status";

/** An agent came online or went offline. The `detail` of the event on the bus. */
export interface Transition {
  /** The same for every delivery of the same transition. */
  transitionId: string;
  organizationId: string;
  agentId: string;
  status: Status;
  previousStatus: Status | null;
  /** Offline: why. Online: by a new connection, or by a heartbeat after the lease had run out. */
  reason: OfflineReason | "connected" | "recovered";
  /** When it happened, not when it was found out. */
  at: number;
  connectionId: string;
  instanceId: string;
  connectedAt: number;
  lastHeartbeatAt: number;
  leaseExpiresAt: number;
}

/** The transition between two versions of a row, or undefined if its status did not change. */
export function transitionBetween(
  transitionId: string,
  before: StatusRow | undefined,
  after: StatusRow | undefined,
): Transition | undefined {
  const row = after ?? before;
  if (!row) return undefined;
  const previousStatus = before?.status ?? null;
  // A row that is deleted while online, by hand or by a TTL that came before any sweep, went offline.
  const status = after?.status ?? "offline";
  if (status === (previousStatus ?? "offline")) return undefined;
  return {
    transitionId,
    organizationId: row.organizationId,
    agentId: row.agentId,
    status,
    previousStatus,
    ...cause(status, before, row),
    connectionId: row.connectionId,
    instanceId: row.instanceId,
    connectedAt: row.connectedAt,
    lastHeartbeatAt: row.lastHeartbeatAt,
    leaseExpiresAt: row.leaseExpiresAt,
  };
}

function cause(status: Status, before: StatusRow | undefined, row: StatusRow) {
  if (status === "online") {
    const recovered = before?.connectionId === row.connectionId;
    return { reason: recovered ? "recovered" : "connected", at: row.lastHeartbeatAt } as const;
  }
  const reason = row.reason ?? "lease_expired";
  return { reason, at: row.disconnectedAt ?? row.leaseExpiresAt };
}

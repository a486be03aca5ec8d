/** What a row says after a write that proves its process alive, whichever way the process was heard. */

import { NOBODY, tagOf } from "../../../core/row-connections";
import { derivePresence, type StatusRow } from "../../../core/status";
import type { LeaseHolder } from "../../../lambda/lease/holder";
import { stallDeadline } from "../../../lambda/lease/work";
import { broken, text } from "../broken";
import type { Operation } from "../world/participants";
import { LEASE_MS, type World } from "../world/world";

/** Whether an operation has come to its end by a write that was made just now. */
export const hasWritten = ({ writer, row, previous }: World, operation: Operation) =>
  writer === operation && operation.smooth && row !== previous;

/**
 * Whether a process may take the row from one that is alive: it is new, or forgotten, because a row remembers the last few
 * processes, or its host's clock is ahead, and the lease has expired by it.
 */
export function mayTakeFromOthers(
  { previous, row }: World,
  { replaced = previous }: Operation,
  { instanceId }: Pick<LeaseHolder, "instanceId">,
  isNew: boolean,
): boolean {
  const isForgotten = !replaced?.processes?.has(tagOf(instanceId));
  return isNew || isForgotten || (replaced?.leaseExpiresAt ?? 0) <= (row?.lastHeartbeatAt ?? 0);
}

/** It says whose it is, since when it is online, and until when it lasts. */
export function judgeHeld(
  { previous: before, retentionMs }: World,
  row: StatusRow,
  holder: Pick<
    LeaseHolder,
    "agentId" | "connectedAt" | "connectionId" | "instanceId" | "heartbeatIntervalMs"
  >,
): void {
  const at = row.lastHeartbeatAt;
  const goesOn = before?.onlineSince !== undefined && before.leaseExpiresAt > at;
  const { activity: _, stalledSince: __, ...presence } = derivePresence(row, at);
  const expected = {
    agentId: holder.agentId,
    status: "online",
    reason: null,
    since: goesOn ? before.onlineSince : at,
    connectedAt: holder.connectedAt,
    connectionId: holder.connectionId,
    instanceId: holder.instanceId,
    lastHeartbeatAt: at,
    leaseExpiresAt: at + LEASE_MS,
    leaseMs: LEASE_MS,
    heartbeatIntervalMs: holder.heartbeatIntervalMs,
  };
  if (JSON.stringify(presence) !== JSON.stringify(expected) || row.disconnectedAt !== undefined) {
    broken("a heartbeat or connection says who it is of, since when, and until when", row);
  }
  const kept = Math.ceil((at + LEASE_MS + retentionMs) / 1000);
  if (row.ttlEpochSeconds !== kept) broken("a row is kept for its retention", row);
}

/** A heartbeat says what the agent works on. */
export function judgeWork(
  row: StatusRow,
  activity: Operation["activity"],
  { heartbeatIntervalMs }: Pick<LeaseHolder, "heartbeatIntervalMs">,
  at: number,
): void {
  const stallsAt = activity && stallDeadline(activity, at, heartbeatIntervalMs);
  if (text([row.activity, row.stallsAt]) !== text([activity, stallsAt])) {
    broken("a heartbeat says what the agent works on", row);
  }
}

/** A renewal has nothing to tell the stream, and forgets that nobody was displaced. */
export function judgeSettled(row: StatusRow): void {
  if (row.displacedAt !== undefined) broken("a heartbeat is not told as a displacement", row);
  if (row.displaced?.has(NOBODY)) broken("a row does not list nobody for long", row);
}

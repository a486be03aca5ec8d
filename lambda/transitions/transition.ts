/** Derives a transition and its reason from a change of a row in the AgentStatus table. */

import type { AgentPresence, Transition, TransitionEvent } from "../../core/presence";
import { displacedConnections, listsLatest, openConnections } from "../../core/row-connections";
import { derivePresence, type StatusRow } from "../../core/status";

/**
 * The transition between two versions of a row, or undefined if its agent neither came nor went, stalled,
 * recovered, nor began to drain.
 */
export function transitionBetween(
  transitionId: string,
  before: StatusRow | undefined,
  after: StatusRow | undefined,
): Transition | undefined {
  const row = after ?? before;
  const event = eventBetween(before, after);
  if (!row || !event) return undefined;
  const at = event === "offline" ? row.leaseExpiresAt : row.lastHeartbeatAt;
  const presence = derivePresence(row, at);
  return {
    transitionId,
    organizationId: row.organizationId,
    ...presence,
    // A row that is deleted while online, by hand or by a TTL that came before any sweep, went offline.
    status: event === "offline" ? "offline" : "online",
    event,
    previousStatus: before?.status ?? null,
    ...cause(event, before, row, presence),
    stalledSince: event === "stalled" ? (row.stalledSince ?? null) : null,
  };
}

function eventBetween(
  before: StatusRow | undefined,
  after: StatusRow | undefined,
): TransitionEvent | undefined {
  const [was, is] = [before?.status ?? "offline", after?.status ?? "offline"];
  if (was !== is) return is;
  if (is === "offline") return undefined;
  const [hadStalled, hasStalled] = [before?.stalledSince, after?.stalledSince].map(
    (since) => since !== undefined,
  );
  if (hadStalled !== hasStalled) return hasStalled ? "stalled" : "recovered";
  return drains(after) && !drains(before) ? "draining" : undefined;
}

const drains = (row: StatusRow | undefined) => row?.activity?.state === "draining";

function cause(
  event: TransitionEvent,
  before: StatusRow | undefined,
  row: StatusRow,
  { reason, since }: AgentPresence,
): Pick<Transition, "reason" | "at"> {
  switch (event) {
    case "online":
      return {
        reason:
          before && listsLatest({ ...before, connectionId: row.connectionId })
            ? "revived"
            : "connected",
        at: row.lastHeartbeatAt,
      };
    case "offline":
      return { reason: reason ?? "lease_expired", at: since };
    case "stalled":
      return { reason: "no_progress", at: row.stalledSince ?? row.lastHeartbeatAt };
    case "draining":
      return { reason: "drain_started", at: row.lastHeartbeatAt };
    case "recovered":
      return { reason: "progress", at: row.activity?.progressAt ?? row.lastHeartbeatAt };
  }
}

/** Whether a change locks out an agent, or one of its keys. A login after a lock-out brings its fencing token with it. */
export function locksOut(before: StatusRow | undefined, after: StatusRow): boolean {
  const fenced = isFenced(before, after) && !after.connections;
  return fenced || after.revokedKeys?.some((key) => !before?.revokedKeys?.includes(key)) === true;
}

const isFenced = (before: StatusRow | undefined, after: StatusRow) =>
  before?.fencingToken !== after.fencingToken;

/** A connection that lost the row by a change of it. The reason decides what it is sent, and whether it is closed. */
export interface Displacement {
  connectionId: string;
  why: "superseded" | "revoked" | "replaced";
}

/**
 * Connections that a change took the row from. Another process's are superseded, and may answer for a while, unless they
 * logged in before a lock-out. A lock-out's are revoked; all others are replaced: by their own process, or displaced
 * twice over.
 */
export function displacements(before: StatusRow | undefined, after: StatusRow): Displacement[] {
  const were = before ? [...openConnections(before), ...displacedConnections(before)] : [];
  const open = new Set(openConnections(after));
  const kept = new Set(displacedConnections(after));
  const knownAsDisplaced = new Set(before && displacedConnections(before));
  const lockedOut = locksOut(before, after);
  const gone = were
    .filter((id) => !open.has(id) && !kept.has(id) && id !== after.lastEnded)
    .map((connectionId) => ({ connectionId, why: lockedOut ? "revoked" : "replaced" }) as const);
  const other = before !== undefined && before.instanceId !== after.instanceId;
  const lost = [...kept]
    .filter((id) => !knownAsDisplaced.has(id))
    .map((connectionId) => {
      const late = !were.includes(connectionId);
      if (!other && !late) return { connectionId, why: "replaced" } as const;
      return { connectionId, why: isFenced(before, after) ? "revoked" : "superseded" } as const;
    });
  return [...gone, ...lost];
}

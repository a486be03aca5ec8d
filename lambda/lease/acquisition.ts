/** Decides, from the row that refused a write, which write to try next, or what the outcome is. */

import { entryOf, isHttpConnection, tagOf } from "../../core/row-connections";
import type { StatusRow } from "../../core/status";
import type { WriteValues } from "../../core/status-write";
import type { AcquireOutcome, HttpHolder, HttpRefusal, LeaseHolder } from "./holder";
import { isLockedOut, type Standing, standingOf } from "./standing";
import * as writes from "./writes";

/** How far the clocks of two hosts may be apart. */
const CLOCK_SKEW_MS = 2000;

/** The next write, or the outcome if nothing is left to write. */
export type Decision<Outcome extends string> = writes.Settling<Outcome> | Outcome;

/** A connection that began after this is newer than the holder for certain, although the clocks of hosts differ. */
export const latestOlder = ({ connectedAt }: LeaseHolder) => connectedAt + CLOCK_SKEW_MS;

/**
 * For a connection that begins, or a heartbeat over HTTP of a process that does not hold the row.
 *
 * @param work the activity in an HTTP heartbeat, as attributes
 */
export function acquisition(
  row: StatusRow | undefined,
  holder: LeaseHolder,
  at: number,
  alone: boolean,
  work?: WriteValues,
): Decision<AcquireOutcome> {
  if (!row) return writes.take("goesOn", { work });
  const standing = standingOf(row, holder);
  if (standing === "holds") return "acquired";
  if (standing === "revoked") return "revoked";
  // The function was invoked again for a connection that has ended or lost the row.
  const wasListed = row.displaced?.has(entryOf(holder.connectionId, holder.keyTag));
  if (wasListed || row.lastEnded === holder.connectionId) return standing;
  const { connections, processes = new Set(), connectedAt } = row;
  const isKnown = processes.has(tagOf(holder.instanceId));
  const isLive = row.leaseExpiresAt > at;
  const period = periodOf(row, at);
  if (row.fencingToken === holder.fencingToken) {
    if (!connections) {
      // A late write: the process's last connection ended after this one began, so this one has ended too.
      if ((row.disconnectedAt ?? 0) > latestEnd(row, holder, alone)) return "ended";
    } else if (row.instanceId === holder.instanceId && !isHttpConnection(row.connectionId)) {
      // A connection that is older than the row's, as far as clocks can tell, joins it.
      const isOlder = isLive && connectedAt >= holder.connectedAt;
      const room = connections.size < writes.MOST_CONNECTIONS;
      if (room && (isOlder || holder.rotation)) return writes.add(period);
      if (isOlder) return "contended";
    } else if (row.instanceId !== holder.instanceId && isLive) {
      if (alone) return "duplicate";
      if (isKnown && work) return "superseded";
      if (isKnown || connectedAt > latestOlder(holder)) return losing(row, work !== undefined);
    }
  }
  const room = isKnown || processes.size < writes.MOST_PROCESSES;
  if (room) return writes.take(period, { work });
  return connectedAt < holder.connectedAt - 2 * CLOCK_SKEW_MS
    ? writes.take(period, { trim: true, work })
    : "contended";
}

function losing({ displaced, processes }: StatusRow, overHttp: boolean) {
  const [known, most, write] = overHttp
    ? [processes, writes.MOST_PROCESSES, writes.LOSE_OVER_HTTP]
    : [displaced, writes.MOST_DISPLACED, writes.LOSE];
  return (known?.size ?? 0) < most ? write : "contended";
}

/** The lease of an online row may have expired before a sweep stored it. */
const periodOf = ({ onlineSince, leaseExpiresAt }: StatusRow, at: number): writes.OnlinePeriod =>
  onlineSince !== undefined && leaseExpiresAt <= at ? "begins" : "goesOn";

/**
 * For a heartbeat over a connection.
 *
 * @param work its activity, as attributes
 */
export function renewal(
  row: StatusRow | undefined,
  holder: LeaseHolder,
  at: number,
  work: WriteValues,
): Decision<Exclude<Standing, "holds"> | "renewed"> {
  const standing = standingOf(row, holder);
  if (standing !== "holds") return standing;
  // A later heartbeat was written first. Otherwise the lease has run out, and a new online period begins, unless another
  // connection has renewed the lease meanwhile.
  if (!row || row.lastHeartbeatAt >= at) return "renewed";
  return writes.renew(periodOf(row, at), work);
}

/**
 * For a heartbeat over HTTP.
 *
 * @param work its activity, as attributes
 */
export function httpRenewal(
  row: StatusRow | undefined,
  holder: HttpHolder,
  at: number,
  alone: boolean,
  work: WriteValues,
): Decision<AcquireOutcome | "renewed" | "used"> {
  if (isLockedOut(row, holder)) return "revoked";
  if ((row?.lastToken ?? "") >= holder.token.issued) return "used";
  if (row?.connections && isProcessOf(row, holder)) {
    return writes.renewOverHttp(periodOf(row, at), work);
  }
  // The lease of the process that held the row has expired, and no end of its connections was recorded.
  const hasExpired = row?.connections && row.leaseExpiresAt <= at;
  if (hasExpired && row.leaseExpiresAt > latestEnd(row, holder, alone)) return "ended";
  return acquisition(row, holder, at, alone, work);
}

/**
 * The latest end of the row's last connection after which the holder may still bring the agent back. An HTTP heartbeat may be
 * written late, and a token that was refused may be sent again.
 */
export function latestEnd(row: StatusRow | undefined, holder: LeaseHolder, alone: boolean): number {
  const { instanceId, connectedAt, token } = holder;
  const isLast = row?.instanceId === instanceId;
  // Tokens are accepted in the order in which they were made, so an earlier request can't undo a leave over HTTP.
  if (!row || !token || (isLast && isHttpConnection(row.lastEnded))) return latestOlder(holder);
  // The process's WebSocket has ended: the request must be later for certain.
  if (isLast) return connectedAt - CLOCK_SKEW_MS;
  // The token may have been refused while the process that has ended was alive.
  const mayBeRefused = alone || row.processes?.has(tagOf(instanceId));
  return mayBeRefused ? token.issuedAt : latestOlder(holder);
}

const isProcessOf = (row: StatusRow, { instanceId, fencingToken }: LeaseHolder): boolean =>
  row.instanceId === instanceId && row.fencingToken === fencingToken;

/** For a process that leaves over HTTP. */
export function httpLeave(
  row: StatusRow | undefined,
  holder: HttpHolder,
  at: number,
): Decision<HttpRefusal | "left"> {
  if (isLockedOut(row, holder)) return "revoked";
  if ((row?.lastToken ?? "") >= holder.token.issued) return "used";
  if (!row) return "left";
  if (row.instanceId !== holder.instanceId) {
    return row.connections && row.leaseExpiresAt > at ? "superseded" : "left";
  }
  if (!row.connections) return writes.STAY_AWAY;
  return isHttpConnection(row.connectionId) ? writes.LEAVE : "connected";
}

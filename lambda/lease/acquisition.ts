/** Decides what is due for a process by the row that refused it: another write, or nothing more. */

import { entryOf, isHttpConnection, tagOf } from "../../core/row-connections";
import type { StatusRow } from "../../core/status";
import type { AcquireOutcome, HttpHolder, HttpOutcome, LeaseHolder } from "./holder";
import { isLockedOut, standingOf } from "./standing";
import * as writes from "./writes";

/** How far the clocks of two hosts may be apart. */
export const CLOCK_SKEW_MS = 2000;

/** What an HTTP heartbeat adds to an acquisition. */
interface Request {
  /** No connection may have ended after this, for the process to take the row. */
  latestOlder: number;
  work: Parameters<typeof writes.renew>[1];
}

/** For a connection, or for a process without one. */
export function acquisition(
  row: StatusRow | undefined,
  holder: LeaseHolder,
  at: number,
  alone: boolean,
  { latestOlder = holder.connectedAt + CLOCK_SKEW_MS, work }: Partial<Request> = {},
): writes.Write | AcquireOutcome {
  if (!row) return writes.take("goesOn", { work });
  const standing = standingOf(row, holder);
  if (standing === "holds") return "acquired";
  if (standing === "revoked") return "revoked";
  // Invoked again, for a connection that has ended or lost the row.
  const wasListed = row.displaced?.has(entryOf(holder.connectionId, holder.keyTag));
  if (wasListed || row.lastEnded === holder.connectionId) return standing;
  const { connections, processes = new Set(), connectedAt } = row;
  const isKnown = processes.has(tagOf(holder.instanceId));
  const isLive = row.leaseExpiresAt > at;
  const latestReplaced = holder.connectedAt + CLOCK_SKEW_MS;
  const period = periodOf(row, at);
  if (row.fencingToken === holder.fencingToken) {
    if (!connections) {
      // Written late: the process's last connection ended after this one began, and so did this one.
      if ((row.disconnectedAt ?? 0) > latestOlder) return "ended";
    } else if (row.instanceId === holder.instanceId && !isHttpConnection(row.connectionId)) {
      // A connection that is older than the row's joins it, as far as clocks can tell.
      const isOlder = isLive && connectedAt >= holder.connectedAt;
      const room = connections.size < writes.MOST_CONNECTIONS;
      if (room && (isOlder || holder.rotation)) return writes.add(period);
      if (isOlder) return "contended";
    } else if (row.instanceId !== holder.instanceId && isLive) {
      if (alone) return "duplicate";
      if (isKnown && work) return "superseded";
      if (isKnown || connectedAt > latestReplaced) return losing(row, work !== undefined);
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

/** A row that is online may have run out though no sweep has stored it. */
const periodOf = ({ onlineSince, leaseExpiresAt }: StatusRow, at: number): writes.OnlinePeriod =>
  onlineSince !== undefined && leaseExpiresAt <= at ? "begins" : "goesOn";

/**
 * For an HTTP heartbeat.
 *
 * @param work what it says of the work, as attributes
 * @param latestOlder of `latestEnd`
 */
export function httpRenewal(
  row: StatusRow | undefined,
  holder: HttpHolder,
  at: number,
  alone: boolean,
  request: Request,
): writes.Write | HttpOutcome["outcome"] {
  if (isLockedOut(row, holder)) return "revoked";
  if ((row?.lastToken ?? "") >= holder.token.issued) return "used";
  if (row?.connections && isProcessOf(row, holder)) {
    return writes.renewOverHttp(periodOf(row, at), request.work);
  }
  // The lease of the process that held the row has run out, and nobody has noticed that its connections ended.
  if (row?.connections && row.leaseExpiresAt <= at && row.leaseExpiresAt > request.latestOlder) {
    return "ended";
  }
  const due = acquisition(row, holder, at, alone, request);
  return due === "acquired" ? "renewed" : due;
}

/**
 * The latest time at which the row's last connection may have ended, for an HTTP heartbeat to bring the agent back. A request may be
 * written late, and a token that was refused may be sent again.
 */
export function latestEnd(
  row: StatusRow | undefined,
  { instanceId, connectedAt, token }: HttpHolder,
  alone: boolean,
): number {
  // Tokens are accepted in the order in which they were made: who leaves over HTTP is not brought back by an earlier request.
  const inOrder = connectedAt + CLOCK_SKEW_MS;
  if (!row || (row.instanceId === instanceId && isHttpConnection(row.lastEnded))) return inOrder;
  // Its WebSocket has ended: the request has to be later for certain.
  if (row.instanceId === instanceId) return connectedAt - CLOCK_SKEW_MS;
  // It was refused, or may have been, for the sake of the process that has ended.
  return alone || row.processes?.has(tagOf(instanceId)) ? token.issuedAt : inOrder;
}

const isProcessOf = (row: StatusRow, { instanceId, fencingToken }: LeaseHolder): boolean =>
  row.instanceId === instanceId && row.fencingToken === fencingToken;

/** What is due for a process that leaves over HTTP. */
export function httpLeave(
  row: StatusRow | undefined,
  holder: HttpHolder,
  at: number,
): writes.Write | HttpOutcome["outcome"] {
  if (isLockedOut(row, holder)) return "revoked";
  if ((row?.lastToken ?? "") >= holder.token.issued) return "used";
  if (!row) return "left";
  if (row.instanceId !== holder.instanceId) {
    return row.connections && row.leaseExpiresAt > at ? "superseded" : "left";
  }
  if (!row.connections) return writes.STAY_AWAY;
  return isHttpConnection(row.connectionId) ? writes.LEAVE : "connected";
}

/** Decides what is due for a process by the row that refused it: another write, or nothing more. */

import { entryOf, isHttpConnection, tagOf } from "../../core/row-connections";
import type { StatusRow } from "../../core/status";
import type { WriteValues } from "../../core/status-write";
import type { AcquireOutcome, HttpHolder, HttpRefusal, LeaseHolder } from "./holder";
import { isLockedOut, type Standing, standingOf } from "./standing";
import * as writes from "./writes";

/** How far the clocks of two hosts may be apart. */
export const CLOCK_SKEW_MS = 2000;

/** Another write, or what has become of the connection or process. */
export type Due<Outcome extends string> = writes.Settling<Outcome> | Outcome;

/** Before this a connection or process is older than one that was heard by another host's clock, for certain. */
export const latestOlder = ({ connectedAt }: LeaseHolder) => connectedAt + CLOCK_SKEW_MS;

/**
 * For a connection, or for a process without one.
 *
 * @param work what an HTTP heartbeat says of the work, as attributes
 */
export function acquisition(
  row: StatusRow | undefined,
  holder: LeaseHolder,
  at: number,
  alone: boolean,
  work?: WriteValues,
): Due<AcquireOutcome> {
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
  const period = periodOf(row, at);
  if (row.fencingToken === holder.fencingToken) {
    if (!connections) {
      // Written late: the process's last connection ended after this one began, and so did this one.
      if ((row.disconnectedAt ?? 0) > latestEnd(row, holder, alone)) return "ended";
    } else if (row.instanceId === holder.instanceId && !isHttpConnection(row.connectionId)) {
      // A connection that is older than the row's joins it, as far as clocks can tell.
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

/** A row that is online may have run out though no sweep has stored it. */
const periodOf = ({ onlineSince, leaseExpiresAt }: StatusRow, at: number): writes.OnlinePeriod =>
  onlineSince !== undefined && leaseExpiresAt <= at ? "begins" : "goesOn";

/**
 * For a heartbeat of a connection.
 *
 * @param work what it says of the work, as attributes
 */
export function renewal(
  row: StatusRow | undefined,
  holder: LeaseHolder,
  at: number,
  work: WriteValues,
): Due<Exclude<Standing, "holds"> | "renewed"> {
  const standing = standingOf(row, holder);
  if (standing !== "holds") return standing;
  // Overtaken by a later heartbeat. Otherwise the lease has run out, and the period begins anew, unless another connection
  // has renewed it meanwhile.
  if (!row || row.lastHeartbeatAt >= at) return "renewed";
  return writes.renew(periodOf(row, at), work);
}

/**
 * For an HTTP heartbeat.
 *
 * @param work what it says of the work, as attributes
 */
export function httpRenewal(
  row: StatusRow | undefined,
  holder: HttpHolder,
  at: number,
  alone: boolean,
  work: WriteValues,
): Due<AcquireOutcome | "renewed" | "used"> {
  if (isLockedOut(row, holder)) return "revoked";
  if ((row?.lastToken ?? "") >= holder.token.issued) return "used";
  if (row?.connections && isProcessOf(row, holder)) {
    return writes.renewOverHttp(periodOf(row, at), work);
  }
  // The lease of the process that held the row has run out, and nobody has noticed that its connections ended.
  const hasExpired = row?.connections && row.leaseExpiresAt <= at;
  if (hasExpired && row.leaseExpiresAt > latestEnd(row, holder, alone)) return "ended";
  return acquisition(row, holder, at, alone, work);
}

/**
 * The latest time at which the row's last connection may have ended, for a process to bring the agent back. An HTTP heartbeat may
 * be written late, and a token that was refused may be sent again.
 */
export function latestEnd(row: StatusRow | undefined, holder: LeaseHolder, alone: boolean): number {
  const { instanceId, connectedAt, token } = holder;
  const isLast = row?.instanceId === instanceId;
  // Tokens are accepted in the order in which they were made: who leaves over HTTP is not brought back by an earlier request.
  if (!row || !token || (isLast && isHttpConnection(row.lastEnded))) return latestOlder(holder);
  // Its WebSocket has ended: the request has to be later for certain.
  if (isLast) return connectedAt - CLOCK_SKEW_MS;
  // It was refused, or may have been, for the sake of the process that has ended.
  const mayBeRefused = alone || row.processes?.has(tagOf(instanceId));
  return mayBeRefused ? token.issuedAt : latestOlder(holder);
}

const isProcessOf = (row: StatusRow, { instanceId, fencingToken }: LeaseHolder): boolean =>
  row.instanceId === instanceId && row.fencingToken === fencingToken;

/** What is due for a process that leaves over HTTP. */
export function httpLeave(
  row: StatusRow | undefined,
  holder: HttpHolder,
  at: number,
): Due<HttpRefusal | "left"> {
  if (isLockedOut(row, holder)) return "revoked";
  if ((row?.lastToken ?? "") >= holder.token.issued) return "used";
  if (!row) return "left";
  if (row.instanceId !== holder.instanceId) {
    return row.connections && row.leaseExpiresAt > at ? "superseded" : "left";
  }
  if (!row.connections) return writes.STAY_AWAY;
  return isHttpConnection(row.connectionId) ? writes.LEAVE : "connected";
}

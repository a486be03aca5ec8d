/**
 * The writes of a lease, the only ones that touch AgentStatus while agents come and go. Each is one conditional
 * UpdateItem, made blind in the form that is likeliest; where it is refused, the row in the refusal says which
 * form is due. A heartbeat is one write and no read.
 *
 *   process P, connection A   acquire--renew---------------renew--release          B stays: still online
 *              connection B                acquire (rotation)----------renew--     the row: {A} {A,B} {B}
 *   process Q, connection C                                              acquire   the row is Q's, B is displaced
 *
 * Who writes which attribute of the row (besides its keys):
 *
 *   attribute                                       acquire  renew  release  sweep  lock-out
 *   status, onlineSince                             x        x      x        x      x
 *   reason                                          removes  removes x       x      x
 *   instanceId, processes                           x
 *   connections                                     x               x               x
 *   connectionId, connectedAt                       x        x      x
 *   lastHeartbeatAt, leaseExpiresAt, leaseMs,
 *   heartbeatIntervalMs, ttlEpochSeconds            x        x                      new rows
 *   activity, stallsAt                              removes  x      removes  x      removes
 *   stalledSince                                                    removes  x      removes
 *   displaced                                       x               x        removes removes
 *   displacedAt                                     x        removes                x
 *   lastEnded                                                       x
 *   disconnectedAt                                  removes  removes x              x
 *   revokedAt, revokedKeys                                                          x
 *
 * The lock-out is `sdk/src/registry/revocation.ts`. `now` is the gateway's time of the event, not the time of the
 * write: events may be delayed, reordered and repeated, and leave the same row.
 */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { type Activity, LIMITS, type OfflineReason } from "../../core/protocol";
import { entryOf, NOBODY, tagOf } from "../../core/row-connections";
import type { StatusRow } from "../../core/status";
import { rowInTheWay, statusWrite, type WriteValues } from "../../core/status-write";
import * as may from "./conditions";
import { type Login, type Standing, standingOf } from "./standing";
import * as update from "./updates";
import { stallDeadline } from "./work";

/** A connection of an agent, as the gateway and the authorizer describe it. */
export interface LeaseHolder extends Login {
  organizationId: string;
  agentId: string;
  connectedAt: number;
  leaseMs: number;
  heartbeatIntervalMs: number;
  /** Whether the process says that it has another connection open. */
  rotation: boolean;
  /** When the registration ends, and with it every lease. */
  registeredUntil?: number | undefined;
}

/** A row as it was observed, as far as a write has to name it. */
type Observed = Pick<StatusRow, "organizationId" | "agentId">;

/**
 * What became of an acquisition. `acquired`, also where the write was repeated; `superseded`: the process has lost
 * to a newer one, and is remembered for it; `duplicate`: refused for another process's sake, and nothing is written;
 * `contended`: others wrote in between time and again, or there are too many connections.
 */
export type AcquireOutcome =
  | "acquired"
  | "superseded"
  | "duplicate"
  | "revoked"
  | "ended"
  | "contended";

/** What became of a heartbeat, and until when the lease runs or since when the row is another's. */
export type RenewOutcome =
  | { outcome: "renewed"; leaseExpiresAt: number }
  | { outcome: Exclude<Standing, "holds">; row: StatusRow | undefined };

/** `ended`: the last connection, so that the agent is offline; `left`: another one remains; `noted`: not the row's. */
export type ReleaseOutcome = "ended" | "left" | "noted" | "contended";

export interface LeaseStoreOptions {
  client: DynamoDBClient;
  tableName: string;
  /** How long a row is kept after its last lease. */
  retentionMs: number;
}

/** How far the clocks of two hosts of the gateway may be apart. */
const CLOCK_SKEW_MS = 2000;

/** A write that is overtaken each time is given up. */
const ATTEMPTS = 6;

/** How long it is remembered that a connection has ended that no row knows. */
const NOTE_KEPT_MS = LIMITS.connectionDurationMs;

/** The row that stood in a write's way, undefined if there is none; or `written`. */
type Result = "written" | { row: StatusRow | undefined };

/** Every method rejects with the client's error if DynamoDB fails. */
export class LeaseStore {
  constructor(private readonly options: LeaseStoreOptions) {}

  /**
   * A connection begins.
   *
   * @param alone whether to be refused while another process of the agent holds a running lease
   */
  async acquire(holder: LeaseHolder, now: number, alone = false): Promise<AcquireOutcome> {
    const process = tagOf(holder.instanceId);
    let add = holder.rotation;
    let row: StatusRow | undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      // Clocks of the gateway's hosts differ: the row's time goes on all the same.
      const at = Math.max(now, (row?.lastHeartbeatAt ?? now - 1) + 1);
      const result = await this.#claim(holder, at, row, add, alone);
      if (result === "written") return "acquired";
      row = result.row;
      const standing = row && standingOf(row, holder);
      if (standing === "holds") return "acquired";
      if (standing === "revoked") return "revoked";
      if (row?.lastEnded === holder.connectionId) return "ended";
      add = false;
      if (!row?.connections) {
        // Written late: the process's last connection ended after this one began, and so did this one.
        if ((row?.disconnectedAt ?? 0) > holder.connectedAt + CLOCK_SKEW_MS) return "ended";
        continue;
      }
      const lapsed = row.leaseExpiresAt <= at;
      if (row.instanceId === holder.instanceId) {
        const room = row.connections.size < may.MOST_CONNECTIONS;
        // Overtaken by a later connection of its process, as far as clocks can tell.
        const older = !lapsed && row.connectedAt >= holder.connectedAt;
        if (older && !room) return "contended";
        add = room && (older || holder.rotation);
        continue;
      }
      if (lapsed) continue;
      if (alone) return "duplicate";
      const known = row.processes?.has(process) === true;
      if (known || row.connectedAt > holder.connectedAt + CLOCK_SKEW_MS) {
        const values = { now, processes: new Set([process]) };
        const lost = await this.#write(holder, update.LOSE, may.mayLose, holder, values);
        if (lost === "written") return "superseded";
        const kept = lost.row?.displaced?.size ?? 0;
        if (kept >= may.MOST_DISPLACED) return "contended";
      }
    }
    return "contended";
  }

  /** A heartbeat: one write unit, no read; it never makes a row. */
  async renew(holder: LeaseHolder, now: number, activity?: Activity): Promise<RenewOutcome> {
    const work = {
      activity,
      stallsAt: activity && stallDeadline(activity, now, holder.heartbeatIntervalMs),
    };
    const [given, missing] = partition(work);
    for (const period of ["goesOn", "begins"] as const) {
      const text = update.renew(period, given, missing);
      const result = await this.#write(holder, text, may.mayRenew(period), holder, {
        now,
        ...work,
      });
      if (result === "written") {
        return { outcome: "renewed", leaseExpiresAt: leaseEnd(holder, now) };
      }
      const { row } = result;
      const standing = standingOf(row, holder);
      if (standing !== "holds" || !row) {
        return { outcome: standing === "holds" ? "ended" : standing, row };
      }
      // Overtaken by a later heartbeat; or the lease has run out, and the period begins anew.
      if (row.lastHeartbeatAt >= now || period === "begins") {
        return { outcome: "renewed", leaseExpiresAt: row.leaseExpiresAt };
      }
    }
    throw new Error("unreachable");
  }

  /**
   * A connection has ended. If another process or connection goes on, the agent does.
   *
   * @param leaves whether its process is likely to have another one: then one write does
   */
  async release(
    holder: LeaseHolder,
    now: number,
    reason: OfflineReason,
    leaves = false,
  ): Promise<ReleaseOutcome> {
    const kept = Math.ceil((now + NOTE_KEPT_MS) / 1000);
    let outcome: ReleaseOutcome = leaves ? "left" : "ended";
    let write: [string, string, WriteValues] = leaves
      ? [update.LEAVE, may.mayLeave, { now }]
      : [update.END, may.mayEnd, { now, reason }];
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const [text, condition, values] = write;
      const result = await this.#write(holder, text, condition, holder, values);
      if (result === "written") return outcome;
      const { row } = result;
      const listed = [...(row?.connections ?? [])];
      const left = listed.find((entry) => entry !== entryIn(holder));
      if (!row || !listed.includes(entryIn(holder))) {
        if (row?.lastEnded === holder.connectionId) return "noted";
        outcome = "noted";
        write = [update.NOTE, may.mayNote, { now, ttlEpochSeconds: kept }];
      } else if (left !== undefined) {
        outcome = "left";
        write = [update.LEAVE, may.mayLeave, { now }];
      } else {
        const inTime = row.status === "online" && row.leaseExpiresAt > now;
        outcome = "ended";
        write = inTime
          ? [update.END, may.mayEnd, { now, reason }]
          : [update.END_LATE, may.mayEndLate, { now }];
      }
    }
    return "contended";
  }

  /** A lease was seen to have run out. False if anything has happened to the row since it was observed. */
  async expire(observed: Observed & Pick<StatusRow, "leaseExpiresAt">): Promise<boolean> {
    const values = { observedLeaseExpiresAt: observed.leaseExpiresAt };
    return this.#act(observed, update.EXPIRE, may.mayExpire, values);
  }

  /** An agent was seen to have stalled. False if its work has advanced since it was observed. */
  async stall({ stallsAt, ...observed }: Observed & { stallsAt: number }): Promise<boolean> {
    return this.#act(observed, update.STALL, may.mayStall, { stallsAt });
  }

  /** A stalled agent was seen to advance. False if it has gone offline or stalled anew since. */
  async recover({ stalledSince, ...observed }: Observed & { stalledSince: number }) {
    return this.#act(observed, update.RECOVER, may.mayRecover, { stalledSince });
  }

  /** Displaced connections were closed. False if others were displaced since they were observed. */
  async forget({ displaced, ...observed }: Observed & Required<Pick<StatusRow, "displaced">>) {
    return this.#act(observed, update.FORGET, may.mayForget, { observedDisplaced: displaced });
  }

  /** Takes the row, or adds the connection to it. */
  #claim(
    holder: LeaseHolder,
    at: number,
    row: StatusRow | undefined,
    add: boolean,
    alone: boolean,
  ): Promise<Result> {
    const lapsed = row?.onlineSince !== undefined && row.leaseExpiresAt <= at;
    const period = lapsed ? "begins" : "goesOn";
    if (add)
      return this.#write(holder, update.add(period), may.mayAdd(period), holder, { now: at });
    const process = tagOf(holder.instanceId);
    const trim = row?.processes?.has(process) === false && row.processes.size >= may.MOST_PROCESSES;
    const processes = new Set(trim ? [tagOf(row.instanceId), process] : [process]);
    const [text, condition] = [update.take(period, { trim }), may.mayTake(period, { alone, trim })];
    const observedInstanceId = row?.instanceId;
    const values = { now: at, process, processes, observedInstanceId };
    return this.#write(holder, text, condition, holder, values);
  }

  async #act(
    key: Observed,
    text: string,
    condition: string,
    values: WriteValues,
  ): Promise<boolean> {
    return (await this.#write(key, text, condition, undefined, values)) === "written";
  }

  async #write(
    { organizationId, agentId }: Observed,
    update: string,
    condition: string,
    holder: LeaseHolder | undefined,
    given: WriteValues,
  ): Promise<Result> {
    const { client, tableName } = this.options;
    const values = { ...CONSTANTS, ...(holder && this.#holderValues(holder, given)), ...given };
    try {
      await client.send(
        statusWrite(tableName, { organizationId, agentId, update, condition, values }),
      );
      return "written";
    } catch (error) {
      return { row: rowInTheWay(error) };
    }
  }

  #holderValues(holder: LeaseHolder, { now }: WriteValues): WriteValues {
    const leaseExpiresAt = leaseEnd(holder, Number(now));
    return {
      ...holder,
      entry: entryIn(holder),
      entries: new Set([entryIn(holder)]),
      latestOlder: holder.connectedAt + CLOCK_SKEW_MS,
      leaseExpiresAt,
      ttlEpochSeconds: Math.ceil((leaseExpiresAt + this.options.retentionMs) / 1000),
    };
  }
}

const CONSTANTS: WriteValues = {
  online: "online",
  offline: "offline",
  expired: "lease_expired" satisfies OfflineReason,
  nobody: new Set([NOBODY]),
  one: 1,
  mostConnections: may.MOST_CONNECTIONS,
  mostDisplaced: may.MOST_DISPLACED,
  mostProcesses: may.MOST_PROCESSES,
};

const entryIn = ({ connectionId, keyTag }: LeaseHolder) => entryOf(connectionId, keyTag);

/** No lease outlives the registration. */
const leaseEnd = (
  { leaseMs, registeredUntil = Number.POSITIVE_INFINITY }: LeaseHolder,
  now: number,
) => Math.min(now + leaseMs, registeredUntil);

/** The names of those that have a value, and of those that have none. */
function partition(values: WriteValues): [string[], string[]] {
  const names = Object.keys(values);
  return [
    names.filter((name) => values[name] !== undefined),
    names.filter((name) => values[name] === undefined),
  ];
}

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
 *   status, onlineSince                             x        x       x        x        x
 *   reason                                          removes  removes x        x        x
 *   instanceId, processes                           x                                  removes
 *   connections                                     x                x                 x
 *   connectionId, connectedAt, lastHeartbeatAt,
 *   leaseExpiresAt, heartbeatIntervalMs             x        x                         removes
 *   ttlEpochSeconds                                 x        x       new rows          x
 *   activity, stallsAt                              removes  x                         removes
 *   stalledSince                                                     removes  x        removes
 *   displaced                                       x        x       x        removes  x
 *   displacedAt                                     x        removes                   x
 *   lastEnded                                                        x
 *   disconnectedAt                                  removes  removes x                 x
 *   revokedAt, revokedKeys                                                             x
 *
 * The lock-out is `sdk/src/registry/revocation.ts`. `now` is the gateway's time of the event, not the time of the
 * write: events may be delayed, reordered and repeated, and leave the same row.
 */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { type Activity, LIMITS, type OfflineReason } from "../../core/protocol";
import { entryOf, NOBODY, tagOf } from "../../core/row-connections";
import type { StatusRow } from "../../core/status";
import { rowInTheWay, statusWrite, type WriteValues } from "../../core/status-write";
import type { OnlinePeriod } from "./conditions";
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

/** The writes of a release, by what becomes of the agent. */
const RELEASES = {
  ended: [update.END, may.mayEnd],
  left: [update.LEAVE, may.mayLeave],
  noted: [update.NOTE, may.mayNote],
} as const;

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
    const latestOlder = holder.connectedAt + CLOCK_SKEW_MS;
    let add = holder.rotation;
    let row: StatusRow | undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      // Clocks of the gateway's hosts differ: the row's time goes on all the same.
      const at = Math.max(now, (row?.lastHeartbeatAt ?? now - 1) + 1);
      const result = add
        ? await this.#add(holder, at, row)
        : await this.#take(holder, at, row, alone);
      if (result === "written") return "acquired";
      row = result.row;
      const standing = standingOf(row, holder);
      if (standing === "holds") return "acquired";
      if (standing === "revoked") return "revoked";
      if (row?.lastEnded === holder.connectionId) return "ended";
      add = false;
      if (!row?.connections) {
        // Written late: the process's last connection ended after this one began, and so did this one.
        if ((row?.disconnectedAt ?? 0) > latestOlder) return "ended";
      } else if (row.instanceId === holder.instanceId) {
        const room = row.connections.size < may.MOST_CONNECTIONS;
        // Overtaken by a later connection of its process, as far as clocks can tell.
        const older = row.leaseExpiresAt > at && row.connectedAt >= holder.connectedAt;
        if (older && !room) return "contended";
        add = room && (older || holder.rotation);
      } else if (row.leaseExpiresAt > at) {
        if (alone) return "duplicate";
        if (!row.processes?.has(process) && row.connectedAt <= latestOlder) continue;
        const values = { now, processes: new Set([process]) };
        const lost = await this.#hold(holder, update.LOSE, may.mayLose, values);
        if (lost === "written") return "superseded";
        if ((lost.row?.displaced?.size ?? 0) >= may.MOST_DISPLACED) return "contended";
      }
    }
    return "contended";
  }

  /** A heartbeat: one write unit, no read; it never makes a row. */
  async renew(holder: LeaseHolder, now: number, activity?: Activity): Promise<RenewOutcome> {
    const stallsAt = activity && stallDeadline(activity, now, holder.heartbeatIntervalMs);
    const [given, missing] = partition({ activity, stallsAt });
    for (const period of ["goesOn", "begins"] as const) {
      const text = update.renew(period, given, missing);
      const values = { now, activity, stallsAt };
      const result = await this.#hold(holder, text, may.mayRenew(period), values);
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
    const values = { now, reason, kept: Math.ceil((now + NOTE_KEPT_MS) / 1000) };
    let outcome: keyof typeof RELEASES = leaves ? "left" : "ended";
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const [text, condition] = RELEASES[outcome];
      const result = await this.#hold(holder, text, condition, values);
      if (result === "written") return outcome;
      const { connections, lastEnded } = result.row ?? {};
      if (connections?.has(entryIn(holder))) outcome = connections.size > 1 ? "left" : "ended";
      else if (lastEnded === holder.connectionId) return "noted";
      else outcome = "noted";
    }
    return "contended";
  }

  // What a sweep has seen. Each is false if anything has happened to the row since it was observed. Where the answer
  // to a write was lost its repetition is refused: then the next sweep finds nothing to do, and counts nothing twice.

  /** A lease was seen to have run out. */
  expire({ leaseExpiresAt, ...key }: Observed & Pick<StatusRow, "leaseExpiresAt">) {
    const values = { observedLeaseExpiresAt: leaseExpiresAt };
    return this.#act(key, update.EXPIRE, may.mayExpire, values);
  }

  /** An agent was seen to have stalled. */
  stall({ stallsAt, ...key }: Observed & { stallsAt: number }) {
    return this.#act(key, update.STALL, may.mayStall, { stallsAt });
  }

  /** A stalled agent was seen to advance. */
  recover({ stalledSince, ...key }: Observed & { stalledSince: number }) {
    return this.#act(key, update.RECOVER, may.mayRecover, { stalledSince });
  }

  /** Displaced connections were closed. */
  forget({ displaced, ...key }: Observed & Required<Pick<StatusRow, "displaced">>) {
    return this.#act(key, update.FORGET, may.mayForget, { observedDisplaced: displaced });
  }

  /** The connection takes the row, in place of all that it lists. */
  #take(holder: LeaseHolder, now: number, row: StatusRow | undefined, alone: boolean) {
    const process = tagOf(holder.instanceId);
    const trim = row?.processes?.has(process) === false && row.processes.size >= may.MOST_PROCESSES;
    const processes = new Set(trim ? [tagOf(row.instanceId), process] : [process]);
    const values = { now, process, processes, observedInstanceId: row?.instanceId };
    const period = periodOf(row, now);
    const condition = may.mayTake(period, { alone, trim });
    return this.#hold(holder, update.take(period, { trim }), condition, values);
  }

  /** The row lists the connection beside its others. */
  #add(holder: LeaseHolder, now: number, row: StatusRow | undefined) {
    const period = periodOf(row, now);
    return this.#hold(holder, update.add(period), may.mayAdd(period), { now });
  }

  async #act(key: Observed, text: string, condition: string, values: WriteValues) {
    return (await this.#write(key, text, condition, values)) === "written";
  }

  /** A write for a connection, with what is known of it as values. */
  #hold(
    holder: LeaseHolder,
    text: string,
    condition: string,
    given: WriteValues & { now: number },
  ): Promise<Result> {
    const leaseExpiresAt = leaseEnd(holder, given.now);
    return this.#write(holder, text, condition, {
      ...holder,
      entry: entryIn(holder),
      entries: new Set([entryIn(holder)]),
      latestOlder: holder.connectedAt + CLOCK_SKEW_MS,
      leaseExpiresAt,
      ttlEpochSeconds: Math.ceil((leaseExpiresAt + this.options.retentionMs) / 1000),
      ...given,
    });
  }

  async #write(
    { organizationId, agentId }: Observed,
    update: string,
    condition: string,
    given: WriteValues,
  ): Promise<Result> {
    const { client, tableName } = this.options;
    const values = { ...CONSTANTS, ...given };
    try {
      await client.send(
        statusWrite(tableName, { organizationId, agentId, update, condition, values }),
      );
      return "written";
    } catch (error) {
      return { row: rowInTheWay(error) };
    }
  }
}

const CONSTANTS: WriteValues = {
  online: "online",
  offline: "offline",
  expired: "lease_expired" satisfies OfflineReason,
  nobody: new Set([NOBODY]),
  mostConnections: may.MOST_CONNECTIONS,
  mostDisplaced: may.MOST_DISPLACED,
  mostProcesses: may.MOST_PROCESSES,
};

const entryIn = ({ connectionId, keyTag }: LeaseHolder) => entryOf(connectionId, keyTag);

/** Whether a row that is online goes on to be, or has run out though no sweep has stored it. */
const periodOf = (row: StatusRow | undefined, now: number): OnlinePeriod =>
  row?.onlineSince !== undefined && row.leaseExpiresAt <= now ? "begins" : "goesOn";

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

/**
 * The writes of a lease, the only ones that touch AgentStatus while agents come and go. Each is one conditional
 * UpdateItem, made blind in the form that is likeliest; where it is refused, the row in the refusal says which
 * form is due. A heartbeat is one write and no read.
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
 *   lastToken (HTTP only)                           x        x       x
 *   disconnectedAt                                  removes          x                 x
 *   fencingToken                                    x                                  x
 *   revokedKeys                                                                        x
 *
 * The lock-out is `sdk/src/registry/revocation.ts`. `now` is the gateway's time of the event, not the time of the
 * write: events may be delayed, reordered and repeated, and leave the same row.
 */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { LIMITS } from "../../core/limits";
import type { Activity, OfflineReason } from "../../core/presence";
import { entryOf, HTTP_CONNECTION_PREFIX, NOBODY, tagOf } from "../../core/row-connections";
import type { StatusRow } from "../../core/status";
import { rowInTheWay, statusWrite, type WriteValues } from "../../core/status-write";
import { acquisition, CLOCK_SKEW_MS, httpLeave, httpRenewal, latestEnd } from "./acquisition";
import type { AcquireOutcome, HttpHolder, HttpOutcome, LeaseHolder, Renewal } from "./holder";
import { type Standing, standingOf } from "./standing";
import { stallDeadline } from "./work";
import * as writes from "./writes";

/** What a sweep has observed of a row. Its acts are refused if that has changed since. */
type Observed<Name extends keyof StatusRow = never> = Pick<
  Required<StatusRow>,
  "organizationId" | "agentId" | Name
>;

/** What became of a heartbeat, and until when the lease runs or whose the row is. */
export type RenewOutcome =
  | ({ outcome: "renewed" } & Renewal)
  | { outcome: Exclude<Standing, "holds">; row: StatusRow | undefined };

/** `ended`: the last connection, so that the agent is offline; `noted`: any other one, whoever the row belongs to. */
export type ReleaseOutcome = "ended" | "noted" | "contended";

export interface LeaseStoreOptions {
  client: DynamoDBClient;
  tableName: string;
  /** How long a row is kept after its last lease, unless the registration is ephemeral. */
  retentionMs: number;
}

/** A write that is overtaken each time is given up. */
const ATTEMPTS = 6;

const CONSTANTS: WriteValues = {
  online: "online",
  offline: "offline",
  expired: "lease_expired" satisfies OfflineReason,
  nobody: new Set([NOBODY]),
  http: HTTP_CONNECTION_PREFIX,
  mostConnections: writes.MOST_CONNECTIONS,
  mostDisplaced: writes.MOST_DISPLACED,
  mostProcesses: writes.MOST_PROCESSES,
};

/** Every method rejects with the client's error if DynamoDB fails. */
export class LeaseStore {
  constructor(private readonly options: LeaseStoreOptions) {}

  /**
   * A connection begins.
   *
   * @param alone whether to be refused while another process of the agent holds a running lease
   */
  async acquire(holder: LeaseHolder, now: number, alone = false): Promise<AcquireOutcome> {
    const { connectedAt } = holder;
    let row: StatusRow | undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      // Clocks of the gateway's hosts differ: the row's time goes on all the same.
      const at = Math.max(now, (row?.lastHeartbeatAt ?? 0) + 1);
      const likeliest = holder.rotation ? writes.add("goesOn") : writes.take("goesOn");
      const due = attempt === 0 ? likeliest : acquisition(row, holder, at, alone);
      if (typeof due === "string") return due;
      const result = await this.#hold(holder, due, {
        now: at,
        latestOlder: connectedAt + CLOCK_SKEW_MS,
        ...takerValues(holder, row, alone),
      });
      if (result === "written") return due === writes.LOSE ? "superseded" : "acquired";
      row = result.row;
    }
    return "contended";
  }

  /** A heartbeat: one write unit, no read; it never makes a row. */
  async renew(holder: LeaseHolder, now: number, activity?: Activity): Promise<RenewOutcome> {
    const stallsAt = activity && stallDeadline(activity, now, holder.heartbeatIntervalMs);
    const work = { activity, stallsAt };
    let row: StatusRow | undefined;
    for (const period of ["goesOn", "begins", "goesOn"] as const) {
      const result = await this.#hold(holder, writes.renew(period, work), { now, ...work });
      if (result === "written") {
        return { outcome: "renewed", ...renewalOf(holder, now) };
      }
      row = result.row;
      const standing = standingOf(row, holder);
      if (standing !== "holds") return { outcome: standing, row };
      // Overtaken by a later heartbeat; otherwise the lease has run out, and the period begins anew, unless another
      // connection has renewed it meanwhile.
      if (row && row.lastHeartbeatAt >= now) break;
    }
    return { outcome: "renewed", ...renewalIn(row, now) };
  }

  /**
   * A heartbeat over HTTP: one write unit, no read, for a process that holds the row; otherwise it acquires the lease.
   *
   * @param alone as for `acquire`
   */
  async renewOverHttp(
    holder: HttpHolder,
    now: number,
    activity?: Activity,
    alone = false,
  ): Promise<HttpOutcome> {
    let row: StatusRow | undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const at = Math.max(now, (row?.lastHeartbeatAt ?? 0) + 1);
      const stallsAt = activity && stallDeadline(activity, at, holder.heartbeatIntervalMs);
      const work = { activity, stallsAt };
      const latestOlder = latestEnd(row, holder, alone);
      const due =
        attempt === 0
          ? writes.renewOverHttp("goesOn", work)
          : httpRenewal(row, holder, at, alone, { latestOlder, work });
      if (due === "renewed") return { outcome: due, ...renewalIn(row, at) };
      if (typeof due === "string") return { outcome: due };
      const { token } = holder;
      const values = {
        now: at,
        latestOlder,
        ...token,
        ...work,
        ...takerValues(holder, row, alone),
      };
      const result = await this.#hold(holder, due, values);
      if (result === "written" || result.row?.lastToken === token.used) {
        if (due === writes.LOSE_OVER_HTTP) return { outcome: "superseded" };
        const written = result === "written" ? renewalOf(holder, at) : renewalIn(result.row, at);
        return { outcome: "renewed", ...written };
      }
      row = result.row;
    }
    return { outcome: "contended" };
  }

  /** A process that sends its heartbeats over HTTP leaves. Its WebSockets stay. */
  async leaveOverHttp(
    holder: HttpHolder,
    now: number,
    reason: OfflineReason,
  ): Promise<HttpOutcome> {
    let row: StatusRow | undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const due = attempt === 0 ? writes.LEAVE : httpLeave(row, holder, now);
      if (typeof due === "string") return { outcome: due } as HttpOutcome;
      const result = await this.#hold(holder, due, { now, reason, ...holder.token });
      if (result === "written" || result.row?.lastToken === holder.token.used) {
        return { outcome: "left" };
      }
      row = result.row;
    }
    return { outcome: "contended" };
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
    // For as long as it may live, it is remembered that a connection has ended that no row knows.
    const kept = Math.ceil((now + LIMITS.connectionDurationMs) / 1000);
    let last = !leaves;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const write = last ? writes.END : writes.NOTE;
      const result = await this.#hold(holder, write, { now, reason, kept });
      if (result === "written") return last ? "ended" : "noted";
      last = !last;
    }
    return "contended";
  }

  // What a sweep does about what it has observed: see the writes. Each is false if it is not so any more. Where the answer
  // to a write was lost its repetition is refused: then the next sweep finds nothing to do, and counts nothing twice.
  expire = (row: Observed<"leaseExpiresAt">) => this.#act(row, writes.EXPIRE);
  stall = (row: Observed<"stallsAt">) => this.#act(row, writes.STALL);
  recover = (row: Observed<"stalledSince">) => this.#act(row, writes.RECOVER);
  forget = (row: Observed<"displaced">) => this.#act(row, writes.FORGET);

  async #act(row: Observed, write: writes.Write): Promise<boolean> {
    return (await this.#write(row, write, { ...row })) === "written";
  }

  /** A write for a connection, with what is known of it as values. */
  #hold(holder: LeaseHolder, write: writes.Write, given: WriteValues & { now: number }) {
    const entry = entryOf(holder.connectionId, holder.keyTag);
    const leaseExpiresAt = leaseEnd(holder, given.now);
    const { ephemeralMs: keptMs = this.options.retentionMs } = holder;
    const ttlEpochSeconds = Math.ceil((leaseExpiresAt + keptMs) / 1000);
    const values = { entry, entries: new Set([entry]), leaseExpiresAt, ttlEpochSeconds };
    return this.#write(holder, write, { ...holder, ...values, ...given });
  }

  /** @returns the row that stood in the way, undefined if there is none; or `written` */
  async #write({ organizationId, agentId }: Observed, write: writes.Write, given: WriteValues) {
    const { client, tableName } = this.options;
    const values = { ...CONSTANTS, ...given };
    try {
      await client.send(statusWrite(tableName, { organizationId, agentId, ...write, values }));
      return "written" as const;
    } catch (error) {
      return { row: rowInTheWay(error) };
    }
  }
}

/** No lease outlives the registration. */
const leaseEnd = (
  { leaseMs, registeredUntil = Number.POSITIVE_INFINITY }: LeaseHolder,
  now: number,
) => Math.min(now + leaseMs, registeredUntil);

/** Of a heartbeat that was written. */
const renewalOf = (holder: LeaseHolder, at: number): Renewal => ({
  leaseExpiresAt: leaseEnd(holder, at),
  lastHeartbeatAt: at,
});

/** Of one that a later heartbeat of the process has overtaken. */
const renewalIn = (row: StatusRow | undefined, now: number): Renewal => ({
  leaseExpiresAt: row?.leaseExpiresAt ?? now,
  lastHeartbeatAt: row?.lastHeartbeatAt ?? now,
});

/** What the writes compare of a process that takes the row, or loses it. */
function takerValues(
  { instanceId, connectedAt }: LeaseHolder,
  row: StatusRow | undefined,
  alone: boolean,
) {
  const process = tagOf(instanceId);
  return {
    latestReplaced: alone ? 0 : connectedAt + CLOCK_SKEW_MS,
    process,
    processes: new Set([process]),
    lastProcesses: new Set([tagOf(row?.instanceId ?? ""), process]),
    observedInstanceId: row?.instanceId,
  };
}

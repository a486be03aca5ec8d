/**
 * The writes of a lease, the only ones that touch AgentStatus while agents come and go. Each is one conditional
 * UpdateItem, made without a read in the most likely form. If it is refused, the row in the refusal decides the next
 * form. A heartbeat is one write and no read.
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
import {
  acquisition,
  type Decision,
  httpLeave,
  httpRenewal,
  latestEnd,
  latestOlder,
  renewal,
} from "./acquisition";
import type { AcquireOutcome, HttpHolder, HttpOutcome, LeaseHolder, Renewal } from "./holder";
import { isListed, type Standing } from "./standing";
import { stallDeadline } from "./work";
import * as writes from "./writes";

/** The part of a row that a sweep has observed. Its writes are refused if that part has changed since. */
type Observed<Name extends keyof StatusRow = never> = Pick<
  Required<StatusRow>,
  "organizationId" | "agentId" | Name
>;

/** The outcome of a heartbeat, with the lease, or the row that refused it. */
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

/** How often a write is tried that others overtake each time. */
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
    const likeliest = holder.rotation ? writes.add("goesOn") : writes.take("goesOn");
    const { outcome } = await this.#settle({ holder, now, alone }, likeliest, (row, at) =>
      acquisition(row, holder, at, alone),
    );
    return outcome;
  }

  /** A heartbeat: one write unit, no read; it never makes a row. */
  async renew(holder: LeaseHolder, now: number, activity?: Activity): Promise<RenewOutcome> {
    const work = workOf(holder, now, activity);
    const { outcome, row } = await this.#settle(
      { holder, now, activity },
      writes.renew("goesOn", work),
      (row) => renewal(row, holder, now, work),
      // If it is overtaken this often, the lease is renewed.
      3,
    );
    return outcome === "renewed" || outcome === "contended"
      ? { outcome: "renewed", ...leaseOf(holder, now, row) }
      : { outcome, row };
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
    const work = workOf(holder, now, activity);
    const { outcome, at, row } = await this.#settle(
      { holder, now, activity, alone },
      writes.renewOverHttp("goesOn", work),
      (row, at) => httpRenewal(row, holder, at, alone, work),
    );
    return outcome === "renewed" || outcome === "acquired"
      ? { outcome: "renewed", ...leaseOf(holder, at, row) }
      : { outcome };
  }

  /** A process that sends its heartbeats over HTTP leaves. Its WebSockets stay. */
  async leaveOverHttp(
    holder: HttpHolder,
    now: number,
    reason: OfflineReason,
  ): Promise<HttpOutcome> {
    const { outcome } = await this.#settle({ holder, now, reason }, writes.LEAVE, (row) =>
      httpLeave(row, holder, now),
    );
    return { outcome };
  }

  /**
   * A connection has ended. The agent stays online if another connection or process has the lease.
   *
   * @param leaves whether its process is likely to have another one: then one write does
   */
  async release(
    holder: LeaseHolder,
    now: number,
    reason: OfflineReason,
    leaves = false,
  ): Promise<ReleaseOutcome> {
    const likeliest = leaves ? writes.NOTE : writes.END;
    const { outcome } = await this.#settle({ holder, now, reason }, likeliest, (row) =>
      row?.connections?.size === 1 && isListed(row, holder) ? writes.END : writes.NOTE,
    );
    return outcome;
  }

  // The writes of a sweep. Each returns false if the row is no longer as observed. If the answer to a write was lost, its
  // repetition is refused: the next sweep finds nothing to do, and counts nothing twice.
  expire = (row: Observed<"leaseExpiresAt">) => this.#act(row, writes.EXPIRE);
  stall = (row: Observed<"stallsAt">) => this.#act(row, writes.STALL);
  recover = (row: Observed<"stalledSince">) => this.#act(row, writes.RECOVER);
  forget = (row: Observed<"displaced">) => this.#act(row, writes.FORGET);

  async #act(row: Observed, write: writes.Write): Promise<boolean> {
    return (await this.#write(row, write, { ...CONSTANTS, ...row })) === undefined;
  }

  /**
   * Makes the most likely write. If it is refused, the row in the refusal decides which one to try next.
   *
   * @param decide gets a time that is later than the row's, because the clocks of the gateway's hosts differ
   * @returns also the time of the outcome, and the row if nothing was written
   */
  async #settle<Outcome extends string>(
    event: HoldersEvent,
    likeliest: writes.Settling<Outcome>,
    decide: (row: StatusRow | undefined, at: number) => Decision<Outcome>,
    attempts = ATTEMPTS,
  ): Promise<{ outcome: Outcome | "contended"; at: number; row?: StatusRow | undefined }> {
    const { holder, now } = event;
    let row: StatusRow | undefined;
    let at = now;
    let write: Decision<Outcome> = likeliest;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const refused = await this.#write(holder, write, this.#valuesOf(event, at, row));
      if (!refused) return { outcome: write.outcome, at };
      row = refused.row;
      // The write was carried out, but its answer was lost.
      const isDone = holder.token && row?.lastToken === holder.token.used;
      if (isDone) return { outcome: write.outcome, at, row };
      at = Math.max(now, (row?.lastHeartbeatAt ?? 0) + 1);
      const next = decide(row, at);
      if (typeof next === "string") return { outcome: next, at, row };
      write = next;
    }
    return { outcome: "contended", at, row };
  }

  /** The values of the expressions. */
  #valuesOf(
    { holder, now, alone = false, activity, reason }: HoldersEvent,
    at: number,
    row: StatusRow | undefined,
  ): WriteValues {
    const entry = entryOf(holder.connectionId, holder.keyTag);
    const leaseExpiresAt = leaseEnd(holder, at);
    const { ephemeralMs: keptMs = this.options.retentionMs } = holder;
    return {
      ...CONSTANTS,
      ...holder,
      ...holder.token,
      ...workOf(holder, at, activity),
      reason,
      now: at,
      endedAt: now,
      entry,
      entries: new Set([entry]),
      leaseExpiresAt,
      ttlEpochSeconds: Math.ceil((leaseExpiresAt + keptMs) / 1000),
      // A row that is created by an end is kept for as long as the connection could have lived.
      kept: Math.ceil((now + LIMITS.connectionDurationMs) / 1000),
      latestOlder: latestEnd(row, holder, alone),
      latestReplaced: alone ? 0 : latestOlder(holder),
      // Hashed only for the expressions that name them: those of a heartbeat do not.
      get process() {
        return tagOf(holder.instanceId);
      },
      get processes() {
        return new Set([tagOf(holder.instanceId)]);
      },
      get lastProcesses() {
        return new Set([tagOf(row?.instanceId ?? ""), tagOf(holder.instanceId)]);
      },
      observedInstanceId: row?.instanceId,
    };
  }

  /** @returns what stood in the way; undefined if it was written */
  async #write(
    { organizationId, agentId }: Observed,
    write: writes.Write,
    values: WriteValues,
  ): Promise<Refusal | undefined> {
    const { client, tableName } = this.options;
    try {
      await client.send(statusWrite(tableName, { organizationId, agentId, ...write, values }));
      return undefined;
    } catch (error) {
      return { row: rowInTheWay(error) };
    }
  }
}

/** Something that happened to a connection or a process, at a time of the gateway's clock. */
interface HoldersEvent {
  holder: LeaseHolder;
  now: number;
  alone?: boolean;
  activity?: Activity | undefined;
  reason?: OfflineReason;
}

/** The row that made a write's condition fail; without one if there is no row. */
interface Refusal {
  row: StatusRow | undefined;
}

/** The activity in a heartbeat, as attributes. */
const workOf = (
  { heartbeatIntervalMs }: LeaseHolder,
  at: number,
  activity: Activity | undefined,
): WriteValues => ({
  activity,
  stallsAt: activity && stallDeadline(activity, at, heartbeatIntervalMs),
});

/** No lease outlives the registration. */
const leaseEnd = (
  { leaseMs, registeredUntil = Number.POSITIVE_INFINITY }: LeaseHolder,
  now: number,
) => Math.min(now + leaseMs, registeredUntil);

/** The lease after a heartbeat: the one it wrote, or the one in the row if a later heartbeat was written first. */
const leaseOf = (holder: LeaseHolder, at: number, row: StatusRow | undefined): Renewal => ({
  leaseExpiresAt: row?.leaseExpiresAt ?? leaseEnd(holder, at),
  lastHeartbeatAt: row?.lastHeartbeatAt ?? at,
});

/**
 * The four writes of a lease, the only ones that touch AgentStatus while agents come and go.
 *
 *   connection A   acquire--renew--renew------------------renew (late): lost, A's fence is older
 *   connection B                      acquire--renew--release--renew (late): lost, B has ended
 *   sweep                                                         expire: lost, the row is offline
 *   the row        A, online          B, online       B, offline
 *
 * While a process replaces its connection it has two. The older one is the *spare*: its heartbeats renew the
 * lease of a row that is the newer one's already, and the row falls back on it if the newer one ends first.
 *
 * Each is one conditional UpdateItem and none reads first. `now` is the gateway's time of the event,
 * not the time of the write: events may be delayed, reordered and repeated, and leave the same row.
 */

import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { Activity, OfflineReason } from "../../core/protocol";
import type { StatusRow } from "../../core/status";
import { rowFromItem } from "../../core/status-row";
import {
  mayExpire,
  mayFallBack,
  mayForgetSpare,
  mayHold,
  mayHoldAlone,
  mayRecover,
  mayRelease,
  mayReleaseSpare,
  mayReleaseUnseen,
  mayRenewSpare,
  mayStall,
} from "./conditions";
import { holdUpdate, renewSpareUpdate } from "./updates";

/** A connection of an agent, as the gateway and the authorizer describe it. */
export interface LeaseHolder {
  organizationId: string;
  agentId: string;
  connectionId: string;
  connectedAt: number;
  instanceId: string;
  leaseMs: number;
  heartbeatIntervalMs: number;
}

/** A row as it was observed, as far as a write has to name it. */
type Observed = Pick<StatusRow, "organizationId" | "agentId">;

/** What became of a write: `written`, or the row that stood in its way (none if there is no row). */
export type WriteResult = { written: true } | { written: false; row: StatusRow | undefined };

export interface LeaseStoreOptions {
  client: DynamoDBClient;
  tableName: string;
  /** How long a row is kept after its last lease. */
  retentionMs: number;
}

type Values = Record<string, AttributeValue>;

/** A release that is overtaken each time is given up: its lease runs out. */
const RELEASE_ATTEMPTS = 3;

// `reason` is absent while online, so a connection that ends after its lease ran out keeps `lease_expired`.
const RELEASE =
  "SET #status = :offline, reason = if_not_exists(reason, :reason), disconnectedAt = :now " +
  "REMOVE onlineSince, stallsAt, stalledSince, spareBeside, spareConnectionId, spareLeaseExpiresAt";

const RELEASE_UNSEEN =
  "SET #status = :offline, reason = :reason, disconnectedAt = :now, connectionId = :connectionId, " +
  "connectedAt = :connectedAt, instanceId = :instanceId, lastHeartbeatAt = :connectedAt, leaseExpiresAt = :now, " +
  "leaseMs = :leaseMs, heartbeatIntervalMs = :heartbeatIntervalMs, ttlEpochSeconds = :ttlEpochSeconds " +
  "REMOVE onlineSince, activity, stallsAt, stalledSince, spareBeside, spareConnectionId, spareLeaseExpiresAt";

const FALL_BACK = "SET disconnectedAt = :now, leaseExpiresAt = :spareLeaseExpiresAt";

const FORGET_SPARE = "REMOVE spareBeside, spareConnectionId, spareLeaseExpiresAt";

const EXPIRE =
  "SET #status = :offline, reason = :reason REMOVE onlineSince, stallsAt, stalledSince";

const STALL = "SET stalledSince = :stallsAt";

const RECOVER = "REMOVE stalledSince";

/** Reads and writes of leases. Every method rejects with the client's error if DynamoDB fails. */
export class LeaseStore {
  readonly #client: DynamoDBClient;
  readonly #tableName: string;
  readonly #retentionMs: number;

  constructor(options: LeaseStoreOptions) {
    this.#client = options.client;
    this.#tableName = options.tableName;
    this.#retentionMs = options.retentionMs;
  }

  /**
   * A connection begins. Lost if a newer connection has been seen, or this one's end.
   *
   * @param alone whether to lose also while another instance of the agent holds a running lease
   */
  acquire(holder: LeaseHolder, now: number, alone = false): Promise<WriteResult> {
    return this.#hold(holder, now, workOf(undefined, now), alone ? mayHoldAlone : mayHold);
  }

  /**
   * A heartbeat: one write unit, no read; a second one where the process has a newer connection already.
   * Lost if another process's newer connection has been seen, or this one's end.
   */
  async renew(holder: LeaseHolder, now: number, activity?: Activity): Promise<WriteResult> {
    const work = workOf(activity, now);
    const result = await this.#hold(holder, now, work, mayHold);
    const row = result.written ? undefined : result.row;
    const isSpare =
      row?.instanceId === holder.instanceId && row.connectionId !== holder.connectionId;
    return isSpare ? this.#renewSpare(holder, now, work, row.connectionId) : result;
  }

  /**
   * A connection has ended. Lost if a newer one has been seen: then it changes nothing, unless it was the
   * last that was left.
   */
  async release(holder: LeaseHolder, now: number, reason: OfflineReason): Promise<WriteResult> {
    let attempts = 0;
    for (;;) {
      attempts += 1;
      const { again, ...result } = await this.#releaseOnce(holder, now, reason);
      if (!again || attempts === RELEASE_ATTEMPTS) return result;
    }
  }

  /** `again` if something else was written between two writes of this one, so that another thing is to be done. */
  async #releaseOnce(
    holder: LeaseHolder,
    now: number,
    reason: OfflineReason,
  ): Promise<WriteResult & { again?: boolean }> {
    const ending = { ":offline": { S: "offline" }, ":reason": { S: reason }, ":now": n(now) };
    const { ":connectionId": connectionId, ...rest } = this.#holderValues(holder, now);
    const seen = await this.#update(holder, RELEASE, mayRelease, {
      ...ending,
      ":connectionId": connectionId,
    });
    const beside =
      !seen.written && seen.row && this.#releaseBesideSpare(holder, now, reason, seen.row);
    if (beside) {
      const result = await beside;
      return { ...result, again: !result.written };
    }
    if (seen.written || (seen.row && !isOlder(seen.row, holder))) return seen;
    const unseen = await this.#update(holder, RELEASE_UNSEEN, mayReleaseUnseen, {
      ...ending,
      ...rest,
      ":connectionId": connectionId,
    });
    // Or the connection's own beginning was written between the two.
    return {
      ...unseen,
      again: !unseen.written && unseen.row?.connectionId === holder.connectionId,
    };
  }

  /** A lease was seen to have run out. Lost if anything has happened to the row since it was observed. */
  expire(observed: Observed & Pick<StatusRow, "leaseExpiresAt">): Promise<WriteResult> {
    return this.#update(observed, EXPIRE, mayExpire, {
      ":online": { S: "online" },
      ":offline": { S: "offline" },
      ":reason": { S: "lease_expired" },
      ":observedLeaseExpiresAt": n(observed.leaseExpiresAt),
    });
  }

  /** An agent was seen to have stalled. Lost if its work has advanced since it was observed. */
  stall(observed: Observed & { stallsAt: number }): Promise<WriteResult> {
    return this.#update(observed, STALL, mayStall, {
      ":online": { S: "online" },
      ":stallsAt": n(observed.stallsAt),
    });
  }

  /** A stalled agent was seen to advance. Lost if it has gone offline or stalled anew since. */
  recover(observed: Observed & { stalledSince: number }): Promise<WriteResult> {
    return this.#update(observed, RECOVER, mayRecover, {
      ":online": { S: "online" },
      ":stalledSince": n(observed.stalledSince),
    });
  }

  #hold(holder: LeaseHolder, now: number, work: Work, condition: string) {
    return this.#update(holder, holdUpdate(work.given, work.missing), condition, {
      ...this.#holderValues(holder, now + holder.leaseMs),
      ...renewalValues(holder, now),
      ...work.values,
    });
  }

  #renewSpare(holder: LeaseHolder, now: number, work: Work, beside: string): Promise<WriteResult> {
    const values = this.#holderValues(holder, now + holder.leaseMs);
    return this.#update(holder, renewSpareUpdate(work.given, work.missing), mayRenewSpare, {
      ...renewalValues(holder, now),
      ...work.values,
      ":connectionId": values[":connectionId"],
      ":ttlEpochSeconds": values[":ttlEpochSeconds"],
      ":spareBeside": { S: beside },
      ":revoked": { S: "revoked" },
    });
  }

  /** The write for a release of one of two connections of a process; undefined if there was but one. */
  #releaseBesideSpare(
    holder: LeaseHolder,
    now: number,
    reason: OfflineReason,
    row: StatusRow,
  ): Promise<WriteResult> | undefined {
    const mine: Values = { ":connectionId": { S: holder.connectionId } };
    const { spareLeaseExpiresAt } = row;
    if (row.spareBeside !== row.connectionId) return undefined;
    if (row.connectionId === holder.connectionId) {
      if (row.disconnectedAt !== undefined || spareLeaseExpiresAt === undefined) return undefined;
      const spare = { ":spareLeaseExpiresAt": n(spareLeaseExpiresAt) };
      return this.#update(holder, FALL_BACK, mayFallBack, { ...mine, ...spare, ":now": n(now) });
    }
    if (row.spareConnectionId !== holder.connectionId) return undefined;
    if (row.disconnectedAt === undefined) {
      return this.#update(holder, FORGET_SPARE, mayForgetSpare, mine);
    }
    return this.#update(holder, RELEASE, mayReleaseSpare, {
      ...mine,
      ":offline": { S: "offline" },
      ":reason": { S: reason },
      // The later end: a heartbeat that came in before it proves nothing, however late it is handled.
      ":now": n(Math.max(now, row.disconnectedAt)),
    });
  }

  #holderValues(holder: LeaseHolder, leaseEnd: number) {
    return {
      ":connectionId": { S: holder.connectionId },
      ":connectedAt": n(holder.connectedAt),
      ":instanceId": { S: holder.instanceId },
      ":leaseMs": n(holder.leaseMs),
      ":heartbeatIntervalMs": n(holder.heartbeatIntervalMs),
      ":ttlEpochSeconds": n(Math.ceil((leaseEnd + this.#retentionMs) / 1000)),
    };
  }

  async #update(
    key: { organizationId: string; agentId: string },
    UpdateExpression: string,
    ConditionExpression: string,
    ExpressionAttributeValues: Values,
  ): Promise<WriteResult> {
    try {
      await this.#client.send(
        new UpdateItemCommand({
          TableName: this.#tableName,
          Key: { organizationId: { S: key.organizationId }, agentId: { S: key.agentId } },
          UpdateExpression,
          ConditionExpression,
          // Names that nothing uses are refused.
          ...(`${UpdateExpression} ${ConditionExpression}`.includes("#status") && {
            ExpressionAttributeNames: { "#status": "status" },
          }),
          ExpressionAttributeValues,
          // The loser learns who won without a read.
          ReturnValuesOnConditionCheckFailure: "ALL_OLD",
        }),
      );
      return { written: true };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return { written: false, row: error.Item && rowFromItem(error.Item) };
    }
  }
}

/** Whether the row belongs to an older connection: `olderConnection` of the conditions, on a row in hand. */
function isOlder(row: StatusRow, than: LeaseHolder): boolean {
  if (row.connectedAt !== than.connectedAt) return row.connectedAt < than.connectedAt;
  return row.connectionId < than.connectionId;
}

/** What an agent does: attributes that are set and removed, and the values of those that are set. */
interface Work {
  given: string[];
  missing: string[];
  values: Values;
}

function workOf(activity: Activity | undefined, now: number): Work {
  const stallsAt = activity && deadlineOf(activity, now);
  const optional = {
    activity: activity && { M: activityValue(activity) },
    stallsAt: stallsAt === undefined ? undefined : n(stallsAt),
  };
  const work: Work = { given: [], missing: [], values: {} };
  for (const [name, value] of Object.entries(optional)) {
    (value ? work.given : work.missing).push(name);
    if (value) work.values[`:${name}`] = value;
  }
  return work;
}

const renewalValues = ({ leaseMs }: LeaseHolder, now: number): Values => ({
  ":online": { S: "online" },
  ":now": n(now),
  ":leaseExpiresAt": n(now + leaseMs),
});

function n(value: number): AttributeValue {
  return { N: String(value) };
}

/** When work that is not heard of again counts as stalled. Progress can't lie in the future. */
function deadlineOf(activity: Activity, now: number): number | undefined {
  const { state, maxSilenceMs, progressAt, startedAt } = activity;
  if (state !== "working" || maxSilenceMs === undefined) return undefined;
  return Math.min(progressAt ?? startedAt ?? now, now) + maxSilenceMs;
}

function activityValue(activity: Activity): Values {
  const values: Values = {};
  for (const [name, value] of Object.entries(activity)) {
    if (value !== undefined) values[name] = typeof value === "number" ? n(value) : { S: value };
  }
  return values;
}

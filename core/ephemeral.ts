/** Ephemeral registrations, which vanish some time after their agent was last seen, so that its name is free again. */

import { type DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { HEARTBEAT, LIMITS } from "./limits";
import { CONNECTED, LOCK_OUT_KEPT_MS, PRESENCE } from "./lock-out";
import type { OfflineReason } from "./presence";
import { fencingTokenOf, type RegisteredAgent } from "./registry-record";
import type { StatusRow } from "./status";
import { rowFromItem } from "./status-row";
import { rowInTheWay, statusWrite } from "./status-write";

/** The bounds of `ephemeralMs`. */
export const EPHEMERAL_MS = { least: 10_000, most: 366 * 24 * 60 * 60_000 } as const;

/** Longest time between two logins of an agent that is online all the while. */
const LOGINS_APART_MS =
  LIMITS.connectionDurationMs +
  HEARTBEAT.maxIntervalSeconds * HEARTBEAT.maxTimeoutMultiplier * 1000;

/** How much longer a record is kept than it must be, so that a login over HTTP seldom has to write it. */
export const KEPT_LONGER_MS = 60 * 60_000;

/** The parts of a registration that say how long it lasts. */
type Lasting = Pick<
  RegisteredAgent,
  "organizationId" | "agentId" | "createdAt" | "revokedAt" | "ephemeralMs"
>;

/** What was seen of an agent last. */
type LastSeen = Partial<Pick<StatusRow, "leaseExpiresAt" | "disconnectedAt">>;

/**
 * Whether a registration has vanished. Disabling an agent makes its registration last, so none that vanishes is disabled.
 *
 * @param row the agent's status row, read consistently
 */
export function hasVanished(
  { createdAt, ephemeralMs }: Pick<Lasting, "createdAt" | "ephemeralMs">,
  row: LastSeen | undefined,
  now: number,
): boolean {
  if (ephemeralMs === undefined) return false;
  const { leaseExpiresAt = 0, disconnectedAt = leaseExpiresAt } = row ?? {};
  return Math.max(createdAt, Math.min(leaseExpiresAt, disconnectedAt)) + ephemeralMs <= now;
}

/** The same by the row as stored. Reads nothing of a registration that is not ephemeral. */
export async function readWhetherVanished(
  client: DynamoDBClient,
  statusTableName: string,
  agent: Lasting,
  now: number,
): Promise<boolean> {
  if (agent.ephemeralMs === undefined) return false;
  const { organizationId, agentId } = agent;
  const { Item } = await client.send(
    new GetItemCommand({
      TableName: statusTableName,
      Key: marshall({ organizationId, agentId }),
      ConsistentRead: true,
    }),
  );
  return hasVanished(agent, Item && rowFromItem(Item), now);
}

/**
 * When DynamoDB may delete an ephemeral registration: an agent that was online until then would have logged in before.
 *
 * @param seenAt when the agent registered or logged in
 */
export const keepUntil = (ephemeralMs: number, seenAt: number): number =>
  seenAt + LOGINS_APART_MS + KEPT_LONGER_MS + ephemeralMs;

/** The agent was not seen lately, and the row stores no later lock-out. A repetition of the write is harmless. */
const UNSEEN =
  "(attribute_not_exists(leaseExpiresAt) OR leaseExpiresAt <= :unseenSince OR disconnectedAt <= :unseenSince)" +
  " AND (attribute_not_exists(fencingToken) OR fencingToken <= :fencingToken)";

/** If no sweep has stored that the lease expired, that is published first. */
const EXPIRE = {
  condition: `#status = :online AND ${UNSEEN}`,
  update: "SET #status = :offline, reason = :expired REMOVE onlineSince, stalledSince",
};

const LOCK_OUT = {
  condition: `NOT #status = :online AND ${UNSEEN}`,
  update: `SET fencingToken = :fencingToken, displacedAt = :now, ttlEpochSeconds = :kept REMOVE ${CONNECTED}, ${PRESENCE}`,
};

/**
 * Locks out every login of a vanished registration, unless its agent has been seen since, and hides the agent's status. From
 * then on the registration can't be used again, so its name can be given to another key.
 *
 * @returns the least fencing token for the name's next registration; undefined if the agent has been seen
 */
export async function lockOutVanished(
  client: DynamoDBClient,
  statusTableName: string,
  agent: Lasting,
  now: number,
): Promise<number | undefined> {
  const { organizationId, agentId, ephemeralMs = Number.POSITIVE_INFINITY } = agent;
  const fencingToken = fencingTokenOf(agent) + 1;
  const values = {
    online: "online",
    offline: "offline",
    expired: "lease_expired" satisfies OfflineReason,
    fencingToken,
    now,
    unseenSince: now - ephemeralMs,
    kept: Math.ceil((now + LOCK_OUT_KEPT_MS) / 1000),
  };
  for (const form of [LOCK_OUT, EXPIRE, LOCK_OUT]) {
    try {
      await client.send(statusWrite(statusTableName, { organizationId, agentId, ...form, values }));
      if (form === LOCK_OUT) return fencingToken + 1;
    } catch (error) {
      if (rowInTheWay(error)?.status !== "online") return undefined;
    }
  }
  return undefined;
}

/**
 * Takes the presence of an agent that may not connect any more, by conditional writes of its status row.
 *
 * The registry is written first, and the row then: a login that has seen the registry before has a lesser fencing token
 * than the row has from now on, and takes it no more. A login that has seen it since brings the token to the row itself
 * (see `lambda/lease/writes.ts`): then the lock-out comes too late, and leaves the row to that login. Where there is no row
 * the token makes one, which readers skip. The change of the row has every connection closed that it knew.
 */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { CONNECTED, LOCK_OUT_KEPT_MS, PRESENCE } from "../../../core/lock-out";
import { connectionIn, NOBODY } from "../../../core/row-connections";
import { isPurged, type StatusRow } from "../../../core/status";
import { rowInTheWay, statusWrite, type WriteValues } from "../../../core/status-write";
import type { DynamoDbClock } from "../status/dynamodb-clock";
import { IncompleteChangeError } from "./errors";
import type { AgentName } from "./record-updates";

export interface RevocationOptions {
  client: DynamoDBClient;
  tableName: string;
  clock: DynamoDbClock;
}

/** Writes against others that change the same row. */
const ATTEMPTS = 10;

/** Neither this lock-out nor a later one has been written, and no process has connected with a login after it. */
export const fences = "(attribute_not_exists(fencingToken) OR fencingToken < :fencingToken)";

const FENCED = "fencingToken = :fencingToken, displacedAt = :now";
const KEPT = "ttlEpochSeconds = :kept";

/** One form of the write for each state that a row may be in; the first is the likeliest. */
export const FORMS = {
  // If its lease has expired and this was not stored, its end is read as an expiration: see `derivePresence`.
  online: {
    condition: "#status = :online",
    update: `SET #status = :offline, reason = :revoked, disconnectedAt = :now, ${FENCED} REMOVE ${CONNECTED}`,
  },
  // Why and since when it is offline is history, and stays.
  offline: {
    condition: "#status = :offline",
    update: `SET ${FENCED}, ${KEPT} REMOVE ${CONNECTED}`,
  },
  // Kept for the lock-out alone, a row whose retention is over must not be seen again.
  purged: {
    condition: "#status = :offline",
    update: `SET ${FENCED}, ${KEPT} REMOVE ${CONNECTED}, ${PRESENCE}`,
  },
  absent: {
    condition: "attribute_not_exists(#status)",
    update: `SET ${FENCED}, ${KEPT}`,
  },
} as const;

/** Leaves the lock-out alone. Refused if a later one was written, or a later login holds the row. */
export const STRIP = {
  condition: "fencingToken = :fencingToken",
  update: `SET ttlEpochSeconds = :kept REMOVE ${PRESENCE}`,
};

/**
 * Ends an agent's online period with the reason `revoked`, and takes the row from every connection.
 *
 * @param fencingToken the fencing token that the registry has given
 * @returns whether there was a row that readers saw
 */
export async function revoke(
  options: RevocationOptions,
  name: AgentName,
  fencingToken: number,
): Promise<boolean> {
  let form: keyof typeof FORMS = "online";
  let observed: StatusRow | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const now = options.clock.now();
    const { condition, update } = FORMS[form];
    const refused = await write(options, name, update, `${condition} AND ${fences}`, {
      fencingToken,
      now,
      kept: keptUntil(observed, now),
    });
    if (!refused) return form === "online" || form === "offline";
    const { row } = refused;
    if (row && (row.fencingToken ?? 0) >= fencingToken) return !isPurged(row, now);
    observed = row;
    const past = row && isPurged(row, now) ? "purged" : "offline";
    form = row?.status === "offline" ? past : (row?.status ?? "absent");
  }
  throw overtaken(name);
}

/**
 * Revokes like `revoke`, and leaves of the row the fencing token alone, which readers skip. No login has the token of a removal.
 *
 * @returns whether there was a row to hide
 */
export async function tombstone(
  options: RevocationOptions,
  name: AgentName,
  fencingToken: number,
): Promise<boolean> {
  const seen = await revoke(options, name, fencingToken);
  if (!seen) return false;
  const kept = keptUntil(undefined, options.clock.now());
  await write(options, name, STRIP.update, STRIP.condition, { fencingToken, kept });
  return true;
}

/** Takes the row from every connection that logged in with a key, and refuses further logins with it. */
export async function revokeKey(
  options: RevocationOptions,
  name: AgentName,
  keyTag: string,
): Promise<void> {
  let row: StatusRow | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const now = options.clock.now();
    const without = (entries: Set<string> = new Set()) =>
      new Set(
        [...entries].filter((entry) => entry !== NOBODY && connectionIn(entry).keyTag !== keyTag),
      );
    const [connections, displaced] = [without(row?.connections), without(row?.displaced)];
    const ends = row?.connections && connections.size === 0;
    // The keys that an agent has at once are two: of those taken away, the last two may still be in use.
    const others = row?.revokedKeys?.filter((other) => other !== keyTag) ?? [];
    const revokedKeys = [...others, keyTag].slice(-2);
    const set = {
      revokedKeys,
      displacedAt: now,
      ...(connections.size > 0 && { connections }),
      ...(displaced.size > 0 && { displaced }),
      ...(ends && { disconnectedAt: now }),
      ttlEpochSeconds: keptUntil(row, now),
    };
    const gone = [
      ...(connections.size > 0 ? [] : ["connections"]),
      ...(displaced.size > 0 ? [] : ["displaced"]),
      ...(ends ? ["onlineSince", "stalledSince"] : []),
    ];
    const assignments = [
      ...Object.keys(set).map((key) => `${key} = :${key}`),
      // Why it is offline, if it is, is history, and stays.
      ...(ends ? ["#status = :offline, reason = if_not_exists(reason, :revoked)"] : []),
    ];
    const update = `SET ${assignments.join(", ")}${gone.length > 0 ? ` REMOVE ${gone.join(", ")}` : ""}`;
    const observed = ["connections", "displaced", "revokedKeys", "ttlEpochSeconds"] as const;
    const same = observed.map((key) =>
      row?.[key] === undefined ? `attribute_not_exists(${key})` : `${key} = :observed_${key}`,
    );
    const refused = await write(options, name, update, same.join(" AND "), {
      ...set,
      ...Object.fromEntries(observed.map((key) => [`observed_${key}`, row?.[key]])),
    });
    if (!refused) return;
    row = refused.row;
    const uses = [...(row?.connections ?? []), ...(row?.displaced ?? [])];
    const done =
      row?.revokedKeys?.includes(keyTag) &&
      !uses.some((entry) => connectionIn(entry).keyTag === keyTag);
    if (done) return;
  }
  throw overtaken(name);
}

const overtaken = ({ agentId }: AgentName) =>
  new Error(`agent ${agentId}: its row was changed by others at each of ${ATTEMPTS} attempts`);

/** A lock-out outlives the connections that it locks out, however soon the row would be deleted otherwise. */
const keptUntil = (row: StatusRow | undefined, now: number) =>
  Math.max(row?.ttlEpochSeconds ?? 0, Math.ceil((now + LOCK_OUT_KEPT_MS) / 1000));

const CONSTANTS = {
  online: "online",
  offline: "offline",
  revoked: "revoked",
};

/** @returns what stood in the way; undefined if it was written */
async function write(
  { client, tableName, clock }: RevocationOptions,
  { organizationId, agentId }: AgentName,
  update: string,
  condition: string,
  given: WriteValues,
): Promise<{ row: StatusRow | undefined } | undefined> {
  const values = { ...CONSTANTS, ...given };
  try {
    await client.send(
      clock.watch(statusWrite(tableName, { organizationId, agentId, update, condition, values })),
    );
    return undefined;
  } catch (error) {
    return { row: rowInTheWay(error) };
  }
}

/** @throws IncompleteChangeError in place of any error: the registry was changed already */
export async function orIncomplete<T>({ agentId }: AgentName, revocation: Promise<T>): Promise<T> {
  try {
    return await revocation;
  } catch (cause) {
    throw new IncompleteChangeError(
      `agent ${agentId}: the registry was changed, but its presence was not ended; repeat the change to complete it`,
      { cause },
    );
  }
}

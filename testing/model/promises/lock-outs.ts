/** What a lock-out, or a key that is taken away, ends; and whom it leaves alone. */

import { LIMITS } from "../../../core/limits";
import { NOBODY } from "../../../core/row-connections";
import { derivePresence, type StatusRow } from "../../../core/status";
import { broken, text } from "../broken";
import { type Connection, entry, type Operation } from "../world/participants";
import { SKEW_MS, type World } from "../world/world";

export function lockedOut(world: World, { before, startedAt }: Operation): void {
  const { row } = world;
  const { registered } = world.registry;
  if (row?.connections === undefined && before?.connections && before.status === "online") {
    const then = derivePresence(before, startedAt);
    const now = row && row.instanceId !== undefined ? derivePresence(row, world.now) : undefined;
    const running = before.leaseExpiresAt > world.now + SKEW_MS;
    if (now && running && now.reason !== "revoked") broken("a lock-out is told as one", row);
    if (now && then.status === "offline" && now.reason !== then.reason) {
      broken("why an agent was offline before a lock-out is not rewritten", row);
    }
  }
  if (before?.status === "offline" && row?.status === "offline") {
    const [then, now] = [before, row].map((one) => derivePresence(one, world.now));
    if (then?.reason !== now?.reason || then?.since !== now?.since) {
      broken("why an agent was offline before a lock-out is not rewritten", row);
    }
  }
  const wasOnline = before?.status === "online" && registered;
  if (!wasOnline && row && row.ttlEpochSeconds * 1000 < world.now + LIMITS.connectionDurationMs) {
    broken("a lock-out is kept for as long as connections may live", row);
  }
  if (row && (!registered || row.status === undefined)) {
    const left = Object.keys(row).filter((name) => !TOKEN.has(name));
    if (left.length > 0) broken("a row that readers skip has the token, and nothing else", left);
  }
}

/** A lock-out that is written late leaves alone who has logged in since, also once that one is offline again. */
export function judgeLateness(
  { connections }: World,
  lockOut: Operation,
  row: StatusRow,
  previous: StatusRow,
): void {
  for (const one of connections) {
    if (isMeant(lockOut, one)) continue;
    for (const name of ["connections", "displaced"] as const) {
      if (previous[name]?.has(entry(one)) && !row[name]?.has(entry(one))) {
        broken("a lock-out does not end who logged in after it", previous);
      }
    }
    const isLast = previous.connectionId === one.holder.connectionId;
    if (isLast && row.instanceId === undefined) {
      broken("a lock-out does not hide who logged in after it", previous);
    }
  }
}

/** A key that is taken away ends the connections that used it, and no others. */
export function judgeRotation(row: StatusRow, previous: StatusRow, key: string): void {
  for (const name of ["connections", "displaced"] as const) {
    const others = [...(previous[name] ?? [])].filter(
      (one) => one !== NOBODY && !one.endsWith(`.${key}`),
    );
    if (text(others.sort()) !== text([...(row[name] ?? [])].sort())) {
      broken("a key that is taken away ends the connections that used it, and no others", row);
    }
  }
  if (row.ttlEpochSeconds < previous.ttlEpochSeconds) {
    broken("a row is kept no shorter for a key that is taken away", previous);
  }
  const keys = [...(previous.revokedKeys ?? []).filter((one) => one !== key), key].slice(-2);
  if (text(row.revokedKeys) !== text(keys)) {
    broken("the last two keys that were taken away are remembered", row);
  }
}

/** Whether a lock-out is meant for a connection. */
export const isMeant = ({ token = 0, key }: Operation, { holder }: Connection) =>
  holder.fencingToken < token || holder.keyTag === key;

export const isFenced = ({ fencingToken = 0, revokedKeys }: StatusRow, { holder }: Connection) =>
  fencingToken > holder.fencingToken || revokedKeys?.includes(holder.keyTag) === true;

/** What a row may hold that is no agent's presence. */
export const TOKEN = new Set([
  "organizationId",
  "agentId",
  "fencingToken",
  "revokedKeys",
  "displacedAt",
  "lastEnded",
  "lastToken",
  "ttlEpochSeconds",
]);

/** How the end of a connection, and of the last one, is told. */

import { displacedConnections } from "../../../core/row-connections";
import { derivePresence } from "../../../core/status";
import { broken } from "../broken";
import type { Connection, Operation } from "../world/participants";
import { LEASE_MS, SKEW_MS, type World } from "../world/world";
import { hasWritten } from "./held";
import { isHeldOverHttp } from "./http";

export function released(
  world: World,
  operation: Operation,
  connection: Connection,
  outcome: string | undefined,
): void {
  const { row } = world;
  world.lastReleased = operation.solo && outcome !== "contended" ? connection : undefined;
  if (hasWritten(world, operation) && row?.lastEnded !== connection.holder.connectionId) {
    broken("an end is remembered", row);
  }
  if (!operation.solo || outcome === undefined) return;
  if (row && displacedConnections(row).includes(connection.holder.connectionId)) {
    broken("what has ended is not kept as displaced", row);
  }
  if (outcome !== "ended" || !row) return;
  const at = operation.startedAt + connection.aheadMs;
  const presence = derivePresence(row, world.now);
  const late = presence.leaseExpiresAt <= at || operation.before?.reason !== undefined;
  if (late && presence.reason !== "lease_expired") {
    broken("an end after the lease's end is an expiry", presence);
  }
  if (!late && presence.since !== at) broken("an end is told at its time", presence);
  if (!late && presence.reason !== connection.reason) broken("an end is told with its reason", row);
}

/** Once everything has ended, and the end of each is written, the agent is offline at once. */
export function judgeEnd(world: World): void {
  const { connections, requests, underWay, presence, row, now } = world;
  if (presence?.status !== "online") return;
  const busy = [...underWay].some(({ kind }) =>
    ["acquire", "again", "renew", "http"].includes(kind),
  );
  // A connection that is not said to be a second one takes the place of all before, as far as clocks can tell. One
  // that is written again after that, and whose end nobody tells, holds a lease of its own.
  const forgotten = (one: Connection) =>
    connections.some(
      (other) =>
        other.forgetsOthers &&
        other.order > one.listed &&
        other.holder.connectedAt > one.holder.connectedAt,
    );
  const kept = connections.filter(
    (one) => one.listed >= 0 && one.released !== "yes" && !forgotten(one),
  );
  const isHttp = [...(row?.connections ?? [])].some((listed) => isHeldOverHttp(world, listed));
  if (!busy && kept.length === 0 && !isHttp)
    broken("without a connection an agent is offline", row);
  const lastSign = Math.max(
    ...connections.map(({ holder, provenAt }) => Math.max(holder.connectedAt, provenAt + SKEW_MS)),
    ...requests.map(({ sentAt }) => sentAt + SKEW_MS),
  );
  if (!busy && now > lastSign + LEASE_MS + SKEW_MS) {
    broken("an agent that is not heard is offline a lease later", row);
  }
}

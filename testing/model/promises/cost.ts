/** How many writes an operation may take. */

import { isHttpConnection, tagOf } from "../../../core/row-connections";
import { MOST_CONNECTIONS, MOST_PROCESSES } from "../../../lambda/lease/writes";
import { broken } from "../broken";
import type { Operation } from "../world/participants";

/** What an operation may cost that nothing disturbs. */
export function judgeCost(operation: Operation, outcome = "") {
  const { kind, before, startedAt, writes, changes, connection, solo } = operation;
  if (!connection || (!solo && kind !== "renew")) return;
  const { holder, aheadMs } = connection;
  const at = startedAt + aheadMs;
  const lapsed = before?.onlineSince !== undefined && before.leaseExpiresAt <= at;
  // Of a host that is behind, or of a lease that has run out unseen, a second write makes it good.
  const late = lapsed || (before?.lastHeartbeatAt ?? 0) >= at ? 1 : 0;
  // So does it where the processes before the last one have to be forgotten.
  const { processes } = before ?? {};
  const isFull = (processes?.size ?? 0) >= MOST_PROCESSES;
  const trims = isFull && !processes?.has(tagOf(holder.instanceId)) ? 1 : 0;
  if (kind === "renew" && writes > 1 + changes + (outcome === "renewed" ? late : 0)) {
    broken("a heartbeat is one write", before);
  }
  if (kind === "acquire" && outcome === "acquired") {
    // A login after a lock-out takes the row from those before it, of its own process too.
    const isLogin = before?.fencingToken === holder.fencingToken;
    const isOwn = isLogin && before.instanceId === holder.instanceId;
    const isHttp = isHttpConnection(before?.connectionId);
    const open = before?.connections?.size ?? MOST_CONNECTIONS;
    const one = !holder.rotation || (isOwn && !isHttp && open < MOST_CONNECTIONS);
    if (writes > (one ? 1 : 2) + Math.max(late, trims)) broken("a connection is one write", before);
  }
  if (kind === "acquire" && outcome === "superseded" && writes > 2 + Math.max(late, trims)) {
    broken("a connection that lost is two writes", before);
  }
  if (kind === "release") {
    const leaves = (before?.connections?.size ?? 0) > 1;
    const rightAway = outcome === "ended" || (outcome === "left" && leaves && connection.rotated);
    if (writes > (rightAway && !(outcome === "ended" && connection.rotated) ? 1 : 2)) {
      broken("the end of a connection is one write, or two", before);
    }
  }
}

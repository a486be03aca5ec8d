/** A healthy agent is online. */

import { openConnections } from "../../../core/row-connections";
import { broken } from "../broken";
import { type Connection, name } from "../world/participants";
import { LEASE_MS, SKEW_MS, type World } from "../world/world";
import { isMeant } from "./lock-outs";

/** A process is healthy that was heard within a lease and has not been told, or troubled by, anything else. */
export function isHealthy(one: Connection, world: World): boolean {
  const { now, underWay, connections, requests, knownProcesses } = world;
  if (one.state !== "open" || one.told.length > 0 || one.disturbed) return false;
  if (one.outcome !== "acquired" || now >= one.provenAt + LEASE_MS) return false;
  // Who logs in after a lock-out takes the row from who logged in before it.
  const isSince = ({ holder }: Pick<Connection, "holder">) =>
    holder.fencingToken > one.holder.fencingToken;
  const tried = connections.filter(({ state }) => state !== "known");
  if ([...tried, ...requests].some(isSince)) return false;
  return [...underWay].every((operation) => {
    const { kind, connection, request } = operation;
    if (kind === "lockout") return !isMeant(operation, one);
    // Whether a request takes the row, or has a newer connection take its place, is known when it has ended.
    if (request) return request.process === one.process;
    const isNew = kind === "again" && !knownProcesses.has(connection?.process ?? -1);
    return (kind !== "acquire" && !isNew) || connection === one;
  });
}

export function judgeHealthy(one: Connection, { row, presence, now }: World): void {
  if (presence?.status !== "online") broken(`a healthy agent is online: ${name(one)}`, row);
  // A host that is ahead sees the end of a lease sooner.
  if (now + SKEW_MS >= one.provenAt + LEASE_MS) return;
  if (row?.instanceId !== one.holder.instanceId) {
    broken(`a process that came back does not take the agent from ${name(one)}`, row);
  }
  if (row && !openConnections(row).includes(one.holder.connectionId)) {
    broken(`a message by name finds ${name(one)}`, row);
  }
}

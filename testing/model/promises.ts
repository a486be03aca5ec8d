/** What the service promises, judged in a world by what really happened in it, never by how the writes are made. */

import { openConnections } from "../../core/row-connections";
import { MOST_CONNECTIONS } from "../../lambda/lease/conditions";
import { standingOf } from "../../lambda/lease/standing";
import {
  BrokenPromise,
  type Connection,
  entry,
  LEASE_MS,
  name,
  type Operation,
  RETENTION_MS,
  SKEW_MS,
  type World,
} from "./world";

export const promises = { finished, after };

/** An operation has come to its end: what it says has to be so. `outcome` is undefined where it failed. */
function finished(world: World, operation: Operation, outcome: string | undefined): void {
  const { kind, connection } = operation;
  // Whether it was written nobody knows.
  if (kind === "acquire" && outcome === undefined) {
    for (const one of world.connections) one.disturbed = true;
  }
  if (kind === "acquire" && connection) acquired(world, operation, connection, outcome);
  if (kind === "renew" && connection) renewed(world, operation, connection, outcome);
  if (kind === "lockout") {
    for (const one of world.connections) one.disturbed = true;
  }
  if (kind === "expire" && operation.solo && outcome === "true") {
    const { row } = world;
    if (row?.reason !== "lease_expired") broken("an expiry is stored as what it is", row);
  }
  if (kind === "release" && connection && operation.solo && outcome === "ended") {
    const at = operation.startedAt + connection.aheadMs;
    const { presence } = world;
    const late = presence && presence.leaseExpiresAt <= at;
    if (late && presence.reason !== "lease_expired") {
      broken("an end after the lease's end is an expiry", presence);
    }
    if (!late && presence && presence.since !== at) broken("an end is told at its time", presence);
  }
}

function acquired(
  world: World,
  operation: Operation,
  connection: Connection,
  outcome: string | undefined,
): void {
  const { holder, process, alone } = connection;
  const isNew = !world.knownProcesses.has(process);
  if (outcome === "revoked" && world.registry.token === holder.fencingToken) {
    broken("who logs in after a lock-out was lifted gets in", name(connection));
  }
  const isFirst = isNew && !world.attempted.has(process);
  if (isFirst && operation.solo && operation.smooth && !alone && outcome !== "acquired") {
    const lockedOut = world.lockedOut > holder.fencingToken;
    if (!lockedOut)
      broken("a new process takes the agent, whatever the clocks say", name(connection));
  }
  if (outcome === "acquired" || outcome === "superseded") world.knownProcesses.add(process);
  // Of what was written before its answer was lost nobody knows.
  else if (!operation.smooth) world.attempted.add(process);
  if (outcome !== "acquired") return;
  if (holder.fencingToken < world.lockedOut) {
    broken("who logged in before a lock-out does not get in", name(connection));
  }
  connection.provenAt = operation.startedAt;
  // A connection that is not said to be one more takes the place of all others, and so does one too many.
  const own = world.connections.filter(
    (one) => one.process === process && one.outcome === "acquired" && one.released !== "yes",
  );
  const replaces = !holder.rotation || own.length > MOST_CONNECTIONS;
  for (const other of world.connections) {
    if (other.process !== process && isNew) other.disturbed = true;
    if (other.process === process && other !== connection && replaces) other.disturbed = true;
  }
  connection.disturbed = !operation.solo;
  connection.forgetsOthers = operation.solo && !holder.rotation;
  if (operation.solo) {
    const { presence, row } = world;
    if (presence?.status !== "online" && world.now < operation.startedAt + LEASE_MS) {
      broken("a connection makes its agent online", row);
    }
    if (row?.instanceId !== holder.instanceId) broken("the row is the newest process's", row);
    if (!row?.connections?.has(entry(connection))) broken("the row lists the connection", row);
  }
}

function renewed(
  world: World,
  operation: Operation,
  connection: Connection,
  outcome: string | undefined,
): void {
  const { holder, aheadMs } = connection;
  const at = operation.startedAt + aheadMs;
  if (outcome !== "renewed") {
    const { row } = world;
    if (outcome === "superseded" && operation.solo && row?.instanceId === holder.instanceId) {
      broken("who is told superseded has lost to another process", row);
    }
    return;
  }
  const { row } = world;
  if (operation.solo) {
    if (holder.fencingToken < world.lockedOut) {
      broken("a heartbeat from before a lock-out is not acknowledged", name(connection));
    }
    if (!row?.connections?.has(entry(connection))) {
      broken("who is acknowledged holds the row", row);
    }
    if (row && row.lastHeartbeatAt === at) {
      const said = [
        row.connectionId,
        row.connectedAt,
        row.leaseExpiresAt,
        row.reason,
        row.displacedAt,
      ];
      const true_ = [holder.connectionId, holder.connectedAt, at + LEASE_MS, undefined, undefined];
      if (JSON.stringify(said) !== JSON.stringify(true_)) {
        broken("a heartbeat says who sent it and until when it lasts", row);
      }
      const kept = Math.ceil((at + LEASE_MS + RETENTION_MS) / 1000);
      if (row.ttlEpochSeconds !== kept) broken("a row is kept for its retention", row);
    }
    if (row && row.lastHeartbeatAt < at) broken("a heartbeat that is acknowledged counts", row);
  }
  // Of two heartbeats the one that was sent first may be answered last.
  connection.provenAt = Math.max(connection.provenAt, operation.startedAt);
  if (operation.solo) connection.disturbed = false;
}

/** After every step. */
function after(world: World): void {
  const { row, presence, now, connections } = world;
  if (row?.status === "online" && !row.instanceId)
    broken("a row without a process is nobody's", row);
  const entries = new Map(connections.map((one) => [entry(one), one]));
  for (const listed of row?.connections ?? []) {
    const one = entries.get(listed);
    if (!one) broken("a row lists connections only", row);
    else if (one.released === "yes") broken("what has ended is not listed", row);
    else if (one.holder.fencingToken < world.lockedOut)
      broken("who is locked out is not listed", row);
    else if (one.holder.instanceId !== row?.instanceId) broken("the row is one process's", row);
  }
  if (presence?.status === "online" && !row?.connections) {
    broken("who reads as online has a connection", row);
  }
  for (const one of connections) {
    if (isHealthy(one, world)) judgeHealthy(one, world);
  }
  judgeEnd(world);
  judgeTransitions(world);
  if (world.isQuiet) judgeQuiet(world);
  if (row && row.lastHeartbeatAt > now + SKEW_MS + 100) broken("the row's time is about now", row);
}

/** A process is healthy that was heard within a lease and has not been told, or troubled by, anything else. */
function isHealthy(one: Connection, { now, underWay }: World): boolean {
  if (one.state !== "open" || one.told.length > 0 || one.disturbed) return false;
  if (one.outcome !== "acquired" || now >= one.provenAt + LEASE_MS) return false;
  return [...underWay].every(({ kind, connection }) => {
    if (kind === "lockout") return false;
    return kind !== "acquire" || connection?.process === undefined || connection === one;
  });
}

function judgeHealthy(one: Connection, { row, presence, now }: World): void {
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

/** Once everything has ended, and the end of each is written, the agent is offline at once. */
function judgeEnd({ connections, underWay, presence, row, now }: World): void {
  if (presence?.status !== "online") return;
  const busy = [...underWay].some(({ kind }) => kind === "acquire" || kind === "renew");
  // A connection that is not said to be a second one takes the place of all before, as far as clocks can tell.
  const forgotten = (one: Connection) =>
    connections.some(
      (other) =>
        other.forgetsOthers &&
        other.order > one.order &&
        other.holder.connectedAt > one.holder.connectedAt,
    );
  const kept = connections.filter(
    (one) => one.outcome === "acquired" && one.released !== "yes" && !forgotten(one),
  );
  if (!busy && kept.length === 0) broken("without a connection an agent is offline", row);
  const lastSign = Math.max(
    ...connections.map(({ holder, provenAt }) => Math.max(holder.connectedAt, provenAt + SKEW_MS)),
  );
  if (!busy && now > lastSign + LEASE_MS + SKEW_MS) {
    broken("an agent that is not heard is offline a lease later", row);
  }
}

function judgeTransitions({ transitions }: World): void {
  const told = [...transitions.values()];
  for (const [index, { event, reason, at, leaseExpiresAt }] of told.entries()) {
    if (event !== (index % 2 === 0 ? "online" : "offline")) {
      broken(
        "an agent comes and goes in turn",
        told.map((one) => one.event),
      );
    }
    if (event !== "offline") continue;
    const late = at >= leaseExpiresAt;
    if (late !== (reason === "lease_expired") || at > leaseExpiresAt) {
      broken("an end after the lease's end is an expiry, at the lease's end", told[index]);
    }
  }
}

/** Once all is carried out and told. */
function judgeQuiet(world: World): void {
  const { row, connections, transitions } = world;
  const last = [...transitions.values()].at(-1)?.event ?? "offline";
  if (last !== (row?.status ?? "offline")) broken("what was told last is what is stored", row);
  for (const one of connections) {
    if (one.state !== "open" || one.closeMissed) continue;
    if (one.holder.fencingToken < world.lockedOut) {
      broken(`a lock-out closes every connection: ${name(one)}`, row);
    }
    const standing = standingOf(row, one.holder);
    if (one.subscribed && standing !== "holds") {
      broken(`who does not hold the row gets no messages: ${name(one)} is ${standing}`, row);
    }
    if (standing === "superseded" && one.told.length === 0 && one.outcome === "acquired") {
      broken(`who is superseded is told so: ${name(one)}`, row);
    }
  }
}

function broken(promise: string, found: unknown): never {
  const text = JSON.stringify(found, (_, value) => (value instanceof Set ? [...value] : value));
  throw new BrokenPromise(`${promise}: found ${text}`);
}

/** What the service promises, judged in a world by what really happened in it, never by how the writes are made. */

import { LIMITS } from "../../core/limits";
import {
  displacedConnections,
  isHttpConnection,
  NOBODY,
  openConnections,
  tagOf,
} from "../../core/row-connections";
import { derivePresence, type StatusRow } from "../../core/status";
import { standingOf } from "../../lambda/lease/standing";
import { MOST_CONNECTIONS, MOST_DISPLACED, MOST_PROCESSES } from "../../lambda/lease/writes";
import { broken, text } from "./broken";
import { hasWritten, judgeHeld, judgeSettled, judgeWork, mayTakeFromOthers } from "./held";
import { afterHttp, httpFinished, isHeldOverHttp } from "./http-promises";
import {
  type Connection,
  entry,
  LEASE_MS,
  name,
  type Operation,
  passesFilter,
  SKEW_MS,
  type World,
} from "./world";

export const promises = { finished, after };

/** An operation has come to its end: what it says has to be so. `outcome` is undefined where it failed. */
function finished(world: World, operation: Operation, outcome: string | undefined): void {
  const { kind, connection } = operation;
  // Whether it was written nobody knows.
  if ((kind === "acquire" || kind === "again") && outcome === undefined) {
    for (const one of world.connections) one.disturbed = true;
  }
  if (kind === "acquire" && connection) acquired(world, operation, connection, outcome);
  if (kind === "again" && connection) invokedAgain(world, operation, connection, outcome);
  if (kind === "renew" && connection) renewed(world, operation, connection, outcome);
  if (kind === "lockout") {
    for (const one of world.connections) one.disturbed ||= isMeant(operation, one);
    // Others may change the row before each attempt, and then it fails.
    const isOvertaken = operation.changes >= operation.writes - 1;
    if (operation.smooth && outcome !== "done" && !isOvertaken) {
      broken("a lock-out is carried out", world.row);
    }
    if (operation.solo && operation.smooth) lockedOut(world, operation);
  }
  if (["expire", "stall", "recover", "forget"].includes(kind)) swept(world, operation, outcome);
  httpFinished(world, operation, outcome);
  if (kind === "release" && connection) released(world, operation, connection, outcome);
  if (operation.smooth) judgeCost(operation, outcome);
}

/** A sweep acts on what it has seen, if it is so still, and says whether it has. */
function swept(world: World, operation: Operation, outcome: string | undefined): void {
  const { row, previous, writer, now } = world;
  const { kind, observed, smooth } = operation;
  if (writer !== operation || !smooth || !observed) return;
  if (text(previous) === text(observed) && outcome !== "true") {
    broken("what a sweep has seen, and is so still, is written", row);
  }
  if (outcome !== "true" || !previous) return;
  const { status, stalledSince, displaced, leaseExpiresAt } = previous;
  const done = {
    expire: row?.reason === "lease_expired" && status === "online" && leaseExpiresAt <= now,
    stall: row?.stalledSince === row?.stallsAt && stalledSince === undefined,
    recover: row?.stalledSince === undefined && stalledSince === observed.stalledSince,
    forget: row?.displaced === undefined && text(displaced) === text(observed.displaced),
  };
  if (!done[kind as keyof typeof done]) broken("a sweep does what it says", row);
}

/** What an operation may cost that nothing disturbs. */
function judgeCost(operation: Operation, outcome = "") {
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

/** Of very many processes within seconds the next one may have to try again. */
const isRush = (row: StatusRow | undefined, { holder: { instanceId, connectedAt } }: Connection) =>
  row?.processes !== undefined &&
  row.processes.size >= MOST_PROCESSES &&
  !row.processes.has(tagOf(instanceId)) &&
  row.connectedAt + 2 * SKEW_MS >= connectedAt;

/** A function was invoked a second time for one handshake. What has ended since stays so. */
function invokedAgain(
  world: World,
  operation: Operation,
  connection: Connection,
  outcome: string | undefined,
): void {
  if (outcome === "superseded") world.knownProcesses.add(connection.process);
  if (outcome !== "acquired") return;
  taken(world, operation, connection);
  // The invocation before may have failed before it wrote: then this one is the first.
  const isNew = !world.knownProcesses.has(connection.process);
  const isFirst = mayTakeFromOthers(world, operation, connection.holder, isNew);
  for (const other of world.connections) other.disturbed ||= isFirst && other !== connection;
  world.knownProcesses.add(connection.process);
  const isListed = world.previous?.connections?.has(entry(connection)) === true;
  if (isListed && connection.released === "no") return;
  // Only the last end is remembered, and who was displaced last: one that ended before, or untold, or that was displaced before,
  // may come back, in place of its process's others.
  for (const other of world.connections) {
    if (other.process === connection.process) other.disturbed = true;
  }
  if (connection.released === "no") return;
  const isLast = connection.released === "yes" && world.lastReleased === connection;
  if (operation.solo && isLast) {
    broken("a connection that has ended does not begin again", world.row);
  }
  connection.released = "lost";
}

/** What a connection may take, by the row as it was. */
function taken(world: World, operation: Operation, connection: Connection): void {
  const { row, previous } = world;
  const { holder, alone } = connection;
  if (!hasWritten(world, operation) || !row || !previous) return;
  const { connections, instanceId, connectedAt, disconnectedAt = 0, processes } = previous;
  const { lastHeartbeatAt: at } = row;
  if (previous.lastEnded === holder.connectionId) {
    broken("a connection that has ended does not begin again", row);
  }
  if (previous.displaced?.has(entry(connection))) {
    broken("a connection that has lost the row does not take it again", row);
  }
  if (instanceId === undefined) return;
  if (!row.processes?.has(tagOf(instanceId))) broken("a row remembers its last process", row);
  const known = processes?.has(tagOf(holder.instanceId)) === true;
  if (!known && (row.processes?.size ?? 0) > MOST_PROCESSES) {
    broken("a row remembers the last few processes", row);
  }
  for (const lost of connections ?? []) {
    if (!row.connections?.has(lost) && !row.displaced?.has(lost)) {
      broken("who has lost the row is remembered", row);
    }
  }
  if (previous.leaseExpiresAt <= at) return;
  if (isOfBefore(world, previous, connection)) return;
  const same = instanceId === holder.instanceId;
  const older = connectedAt > holder.connectedAt + SKEW_MS;
  if (!same && connections && alone) {
    broken("a process that is to be alone takes nothing from one that lives", row);
  }
  if (!same && connections && (known || older)) {
    broken("an older process does not take the agent from one that lives", row);
  }
  // What stands for a process without a WebSocket gives way to its first one.
  const isHttp = isHttpConnection(previous.connectionId);
  if (same && connections && !isHttp && connectedAt >= holder.connectedAt) {
    for (const lost of connections) {
      if (!row.connections?.has(lost)) broken("an older connection takes nothing", row);
    }
  }
  const before = same || known || older;
  if (!connections && before && disconnectedAt > holder.connectedAt + SKEW_MS) {
    broken("who began before its agent ended has ended with it", row);
  }
}

/** Whether a row is of a login from before a lock-out, and a connection of one from after it. */
function isOfBefore(world: World, row: StatusRow, { holder }: Connection): boolean {
  const all = [...world.connections, ...world.requests];
  const last = all.find((one) => one.holder.connectionId === row.connectionId);
  return last !== undefined && last.holder.fencingToken < holder.fencingToken;
}

function lockedOut(world: World, { before, startedAt }: Operation): void {
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

/** What a row may hold that is no agent's presence. */
const TOKEN = new Set([
  "organizationId",
  "agentId",
  "fencingToken",
  "revokedKeys",
  "displacedAt",
  "lastEnded",
  "lastToken",
  "ttlEpochSeconds",
]);

function released(
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

function acquired(
  world: World,
  operation: Operation,
  connection: Connection,
  outcome: string | undefined,
): void {
  const { holder, process, alone } = connection;
  const isNew = !world.knownProcesses.has(process);
  const { token, key } = world.registry;
  const isCurrent = token === holder.fencingToken && holder.keyTag === `key-${key}`;
  if (outcome === "revoked" && isCurrent) {
    broken("who logs in after a lock-out was lifted gets in", name(connection));
  }
  const isFirst = isNew && !world.attempted.has(process) && !isRush(operation.before, connection);
  if (isFirst && operation.solo && operation.smooth && !alone && outcome !== "acquired") {
    if (isCurrent) {
      broken("a new process takes the agent, whatever the clocks say", name(connection));
    }
  }
  const { before } = operation;
  // Nobody has written the row meanwhile.
  if (before && before === world.row && operation.smooth && outcome !== undefined) {
    const rush = isRush(before, connection);
    if (isCurrent && outcome !== "acquired" && isOfBefore(world, before, connection) && !rush) {
      broken("who logs in after a lock-out does not wait until it is written", before);
    }
    const full = (before.displaced?.size ?? 0) >= MOST_DISPLACED;
    const isCrowded = full || before.connections?.size === MOST_CONNECTIONS || rush;
    if (outcome === "contended" && !isCrowded) broken("what nothing disturbs is done", before);
  }
  if (outcome === "acquired" || outcome === "superseded") world.knownProcesses.add(process);
  if (outcome === "duplicate" && operation.solo && world.presence?.status !== "online") {
    const late = world.now + SKEW_MS >= (world.row?.leaseExpiresAt ?? 0);
    if (!late) broken("only for a living process's sake another one is refused", world.row);
  }
  // Of what was written before its answer was lost nobody knows.
  else if (!operation.smooth) world.attempted.add(process);
  if (outcome === "superseded" && hasWritten(world, operation)) {
    const { row } = world;
    if (!row?.connections || row.leaseExpiresAt <= holder.connectedAt) {
      broken("an agent is lost to a living process only", row);
    }
    if (row.instanceId === holder.instanceId) broken("no process loses to itself", row);
    if (!row.processes?.has(tagOf(holder.instanceId))) broken("who has lost is remembered", row);
    if (isFenced(row, connection)) broken("who is locked out is not admitted", row);
  }
  if (outcome === "acquired") taken(world, operation, connection);
  if (outcome !== "acquired") return;
  if (world.isLockedOut(connection)) {
    broken("who logged in before a lock-out does not get in", name(connection));
  }
  connection.provenAt = operation.startedAt;
  // A connection that is not said to be one more takes the place of all others, and so does one too many.
  const own = world.connections.filter(
    (one) => one.process === process && one.listed >= 0 && one.released !== "yes",
  );
  const takes = mayTakeFromOthers(world, operation, holder, isNew);
  // Others may have ended since it was found to be one too many.
  const replaces = !holder.rotation || own.length + operation.changes > MOST_CONNECTIONS;
  for (const other of world.connections) {
    if (other.process !== process && takes) other.disturbed = true;
    if (other.process === process && other !== connection && replaces) other.disturbed = true;
  }
  if (world.row && hasWritten(world, operation)) judgeHeld(world, world.row, holder);
  connection.disturbed = !operation.solo;
  const { instanceId, connectedAt = 0 } = operation.before ?? {};
  const isNewest = instanceId !== holder.instanceId || connectedAt < holder.connectedAt;
  connection.forgetsOthers = operation.solo && !holder.rotation && isNewest;
  if (operation.solo) {
    const { presence, row } = world;
    if (presence?.status !== "online" && world.now < operation.startedAt + LEASE_MS) {
      broken("a connection makes its agent online", row);
    }
    if (row?.instanceId !== holder.instanceId) broken("the row is the newest process's", row);
    if (!row?.connections?.has(entry(connection))) broken("the row lists the connection", row);
    const others = operation.before?.instanceId !== holder.instanceId;
    if (others && (row?.activity ?? row?.stallsAt) !== undefined) {
      broken("the work of another process is not shown", row);
    }
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
  if (row && hasWritten(world, operation)) {
    judgeHeld(world, row, holder);
    judgeWork(row, operation.activity, holder, at);
    judgeSettled(row);
  }
  if (operation.solo) {
    if (world.isLockedOut(connection)) {
      broken("a heartbeat from before a lock-out is not acknowledged", name(connection));
    }
    if (!row?.connections?.has(entry(connection))) {
      broken("who is acknowledged holds the row", row);
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
  if (row !== world.previous) judgeChange(world);
  if (row && !(row.ttlEpochSeconds > 0)) broken("every row is deleted some day", row);
  if (row?.status === "online" && !row.instanceId)
    broken("a row without a process is nobody's", row);
  const entries = new Map(connections.map((one) => [entry(one), one]));
  for (const listed of row?.connections ?? []) {
    const one = entries.get(listed);
    if (!one && isHeldOverHttp(world, listed)) continue;
    if (!one) broken("a row lists connections only", row);
    else if (one.released === "yes" && !isInvokedAgain(one, world))
      broken("what has ended is not listed", row);
    else if (isFenced(row as StatusRow, one)) broken("who is locked out is not listed", row);
    else if (one.holder.instanceId !== row?.instanceId) broken("the row is one process's", row);
  }
  if (presence?.status === "online" && !row?.connections) {
    broken("who reads as online has a connection", row);
  }
  for (const one of connections) {
    if (isHealthy(one, world)) judgeHealthy(one, world);
    if (one.told.includes("revoked") && !world.isOutdated(one)) {
      broken(`who logged in after a lock-out is not told revoked: ${name(one)}`, row);
    }
  }
  afterHttp(world);
  judgeEnd(world);
  if (world.hasPublished) judgeTransitions(world);
  if (world.isQuiet) judgeQuiet(world);
  if (row && row.lastHeartbeatAt > now + SKEW_MS + 100) broken("the row's time is about now", row);
}

/** What a step has made of the row. */
function judgeChange(world: World): void {
  const { row, previous, writer, stream } = world;
  if (!row) return;
  const record = stream.at(-1);
  const isNews =
    row.fencingToken !== previous?.fencingToken ||
    row.revokedKeys?.some((key) => !previous?.revokedKeys?.includes(key)) ||
    displacedConnections(row).some((id) => !displacedConnections(previous ?? {}).includes(id));
  if (isNews && record && !passesFilter(record)) {
    broken("the stream tells who has lost the row", row);
  }
  if (!row.instanceId) {
    // A removal that is completed late leaves who was displaced since: nobody, or one that a lock-out has to find.
    const left = Object.keys(row).filter((name) => !TOKEN.has(name) && name !== "displaced");
    if (left.length > 0) broken("without a process nothing but a token and an end is left", left);
  }
  const key = writer?.key;
  if (key !== undefined && previous) judgeRotation(row, previous, key);
  if (writer?.kind === "lockout" && previous) judgeLateness(world, writer, row, previous);
  const { status, instanceId } = row;
  if (status === "online" && (row.onlineSince === undefined || row.reason !== undefined)) {
    broken("an online row says since when, and no reason", row);
  }
  if (status === "offline" && (row.onlineSince ?? row.stalledSince) !== undefined) {
    broken("an offline row is neither online since then nor stalled", row);
  }
  if (instanceId && !row.processes?.has(tagOf(instanceId))) broken("a row knows its process", row);
  if (
    // Besides those that held the row it remembers those that lost to its process.
    (row.processes?.size ?? 0) > MOST_PROCESSES + MOST_DISPLACED ||
    (row.connections?.size ?? 0) > MOST_CONNECTIONS ||
    (row.displaced?.size ?? 0) > MOST_DISPLACED
  ) {
    broken("a row stays small", row);
  }
  if (!previous?.instanceId) return;
  if (!instanceId) {
    if (writer?.token !== undefined && writer.token !== row.fencingToken) {
      broken("only the last lock-out hides a status", previous);
    }
    return;
  }
  if (row.lastHeartbeatAt < previous.lastHeartbeatAt) {
    broken("a row's time does not run backward", row);
  }
  if (status === "offline" && previous.status === "offline") {
    const [was, is] = [previous, row].map((one) => derivePresence(one, row.leaseExpiresAt));
    if (was?.reason !== is?.reason || was?.since !== is?.since) {
      broken("why and since when an agent is offline is not rewritten", row);
    }
  }
  if (status === "online" && row.lastHeartbeatAt !== previous.lastHeartbeatAt) {
    const { onlineSince: before, leaseExpiresAt } = previous;
    const since = leaseExpiresAt > row.lastHeartbeatAt ? before : undefined;
    if (row.onlineSince !== (since ?? row.lastHeartbeatAt)) {
      broken("since when an agent is online stays while it is, and begins anew after", row);
    }
  }
}

/** A lock-out that is written late leaves alone who has logged in since, also once that one is offline again. */
function judgeLateness(
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
function judgeRotation(row: StatusRow, previous: StatusRow, key: string): void {
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

const isFenced = ({ fencingToken = 0, revokedKeys }: StatusRow, { holder }: Connection) =>
  fencingToken > holder.fencingToken || revokedKeys?.includes(holder.keyTag) === true;

/** Whether a lock-out is meant for a connection. */
const isMeant = ({ token = 0, key }: Operation, { holder }: Connection) =>
  holder.fencingToken < token || holder.keyTag === key;

/** Whether its function is at work for a second time, and may have written it again. */
const isInvokedAgain = (one: Connection, { underWay }: World) =>
  [...underWay].some(({ kind, connection }) => kind === "again" && connection === one);

/** A process is healthy that was heard within a lease and has not been told, or troubled by, anything else. */
function isHealthy(one: Connection, world: World): boolean {
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
function judgeEnd(world: World): void {
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

function judgeTransitions({ transitions }: World): void {
  const told = [...transitions.values()];
  const events = told.map(({ event }) => event);
  let last: string = "offline";
  for (const [index, { event, reason, at, leaseExpiresAt }] of told.entries()) {
    const before = { online: ["offline"], offline: ["online", "stalled", "recovered"] };
    const work = { stalled: ["online", "recovered"], recovered: ["stalled"] };
    const due = { ...before, ...work, draining: before.offline };
    if (!due[event].includes(last))
      broken(
        "an agent comes and goes, stalls and recovers in turn, and drains while it is online",
        events,
      );
    if (event !== "draining") last = event;
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
  const published = [...transitions.values()];
  const last = published.filter(({ event }) => event !== "draining").at(-1)?.event ?? "offline";
  const stored =
    row?.status === "online" && row.stalledSince !== undefined ? "stalled" : row?.status;
  const told = last === "recovered" ? "online" : last;
  if (told !== (stored ?? "offline")) broken("what was told last is what is stored", row);
  const drains = row?.status === "online" && row.activity?.state === "draining";
  if (drains && published.at(-1)?.activity?.state !== "draining") {
    broken("who drains is told to drain", row);
  }
  for (const one of connections) {
    if (one.state !== "open" || one.closeMissed) continue;
    if (world.isLockedOut(one)) {
      broken(`a lock-out closes every connection: ${name(one)}`, row);
    }
    const standing = standingOf(row, one.holder);
    if (one.subscribed && standing !== "holds") {
      broken(`who does not hold the row gets no messages: ${name(one)} is ${standing}`, row);
    }
    if (standing === "superseded" && one.told.length === 0) {
      broken(`who is superseded is told so: ${name(one)}`, row);
    }
  }
}

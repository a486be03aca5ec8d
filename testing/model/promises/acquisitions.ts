/** Who gets the row when it connects, and from whom. */

import { isHttpConnection, tagOf } from "../../../core/row-connections";
import type { StatusRow } from "../../../core/status";
import { MOST_CONNECTIONS, MOST_DISPLACED, MOST_PROCESSES } from "../../../lambda/lease/writes";
import { broken } from "../broken";
import { type Connection, entry, name, type Operation } from "../world/participants";
import { LEASE_MS, SKEW_MS, type World } from "../world/world";
import { hasWritten, judgeHeld, mayTakeFromOthers } from "./held";
import { isFenced } from "./lock-outs";

export function acquired(
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

/** A function was invoked a second time for one handshake. What has ended since stays so. */
export function invokedAgain(
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

/** Of very many processes within seconds the next one may have to try again. */
const isRush = (row: StatusRow | undefined, { holder: { instanceId, connectedAt } }: Connection) =>
  row?.processes !== undefined &&
  row.processes.size >= MOST_PROCESSES &&
  !row.processes.has(tagOf(instanceId)) &&
  row.connectedAt + 2 * SKEW_MS >= connectedAt;

/** Whether a row is of a login from before a lock-out, and a connection of one from after it. */
function isOfBefore(world: World, row: StatusRow, { holder }: Connection): boolean {
  const all = [...world.connections, ...world.requests];
  const last = all.find((one) => one.holder.connectionId === row.connectionId);
  return last !== undefined && last.holder.fencingToken < holder.fencingToken;
}

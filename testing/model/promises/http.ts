/** What the service promises about heartbeats over HTTP, mixed with WebSockets or without. */

import { connectionIn, isHttpConnection, tagOf } from "../../../core/row-connections";
import type { StatusRow } from "../../../core/status";
import { isLockedOut } from "../../../lambda/lease/standing";
import { MOST_PROCESSES } from "../../../lambda/lease/writes";
import { broken, text } from "../broken";
import type { HttpProcess, Operation, Request } from "../world/participants";
import { LEASE_MS, SKEW_MS, type World } from "../world/world";
import { hasWritten, judgeHeld, judgeSettled, judgeWork, mayTakeFromOthers } from "./held";

/** An operation has come to its end. `outcome` is undefined where it failed. */
export function httpFinished(
  world: World,
  operation: Operation,
  outcome: string | undefined,
): void {
  const { kind, request } = operation;
  // All but heartbeats and sweeps may end what is held over HTTP, or take it.
  const harmless = ["renew", "expire", "stall", "recover", "forget", "subscribe"].includes(kind);
  for (const [process, state] of world.httpProcesses) {
    const ofAnother = request && request.process !== process;
    if (!harmless && (!request || ofAnother || kind === "leave")) state.disturbed = true;
  }
  if (!request) return;
  // Only the last end is remembered.
  if (kind === "leave") world.lastReleased = undefined;
  const before = acceptedBefore(world, request);
  if (outcome === undefined || !operation.smooth) request.accepted = "maybe";
  const accepted = outcome === "renewed" || (outcome === "left" && hasWritten(world, operation));
  if (accepted) {
    if (before) broken("a token works once", describe(request));
    request.accepted = "yes";
  }
  // The first write is blind, and one more makes good a lease that has run out, or a clock that is behind.
  if (outcome === "contended" && operation.smooth && operation.writes > 3 + operation.changes) {
    broken("what nothing disturbs is done", describe(request));
  }
  if (hasWritten(world, operation) && world.row) written(world, operation, request, world.row);
  disturbOthers(world, operation, request, outcome);
  if (operation.solo && operation.smooth) judgeAlone(world, operation, request, outcome);
  const state: HttpProcess = world.httpProcesses.get(request.process) ?? {
    provenAt: Number.NEGATIVE_INFINITY,
    disturbed: true,
    left: false,
  };
  world.httpProcesses.set(request.process, state);
  if (outcome === "renewed") {
    state.provenAt = Math.max(state.provenAt, operation.startedAt);
    state.disturbed = !operation.solo;
  }
}

/** Whether a token was accepted already: its own request, or one that repeated it. */
const acceptedBefore = ({ requests }: World, request: Request): boolean =>
  requests.some(
    (other) =>
      other !== request &&
      other.process === request.process &&
      other.accepted === "yes" &&
      other.holder.token.issued === request.holder.token.issued,
  );

/** A write of a request was carried out. */
function written(world: World, operation: Operation, request: Request, row: StatusRow): void {
  const { previous } = world;
  const { holder } = request;
  if (acceptedBefore(world, request)) broken("a repeated token changes nothing", row);
  if ((previous?.lastToken ?? "") >= holder.token.issued && row.lastToken !== previous?.lastToken) {
    broken("tokens are accepted in order", row);
  }
  if (operation.kind === "leave") hasLeft(previous, request, row);
  else if (row.instanceId === holder.instanceId) hasBeaten(world, operation, request, row);
  else hasLost(previous, request, row);
}

function hasBeaten(world: World, operation: Operation, request: Request, row: StatusRow): void {
  const { previous } = world;
  const { holder, alone } = request;
  const same = previous?.instanceId === holder.instanceId;
  const isOfBefore = (previous?.fencingToken ?? 0) < holder.fencingToken;
  const renews = same && previous.connections !== undefined && !isOfBefore;
  judgeHeld(world, row, {
    ...holder,
    ...(renews && { connectionId: previous.connectionId, connectedAt: previous.connectedAt }),
  });
  judgeWork(row, operation.activity, holder, row.lastHeartbeatAt);
  if (previous && isLockedOut(previous, holder)) broken("who is locked out takes nothing", row);
  if (renews) {
    judgeSettled(row);
    if (connectionsOf(previous) !== connectionsOf(row)) {
      broken("an HTTP heartbeat changes no connections", row);
    }
    return;
  }
  if (!previous?.instanceId) return;
  const known = previous.processes?.has(tagOf(holder.instanceId)) === true;
  if (!row.processes?.has(tagOf(previous.instanceId))) broken("a row remembers its process", row);
  if (!known) staysSmall(row);
  for (const lost of previous.connections ?? []) {
    if (!row.displaced?.has(lost)) broken("who has lost the row is remembered", row);
  }
  const isLive = previous.leaseExpiresAt > row.lastHeartbeatAt;
  if (!same && previous.connections && isLive && !isOfBefore && (known || alone)) {
    broken("a process that has lost, or is to be alone, takes nothing from one that lives", row);
  }
  const ended = Math.min(previous.disconnectedAt ?? 0, previous.leaseExpiresAt);
  // A process that nobody knows was heard while the other one lived, and is the newer one.
  if (previous.connections || !known || isOfBefore || previous.reason === "revoked") return;
  // Either clock may be ahead of the true one, and only that of a WebSocket's end has nothing to do with tokens.
  const byWebSocket = same && !isHttpConnection(previous.lastEnded);
  if (request.sentAt + request.aheadMs + (byWebSocket ? 0 : SKEW_MS) < ended) {
    broken("a heartbeat from before the agent's end does not bring it back", row);
  }
}

/** What stands for the process has ended, or it was away already. */
function hasLeft(previous: StatusRow | undefined, request: Request, row: StatusRow): void {
  const { holder } = request;
  if (row.lastToken !== holder.token.used) broken("a token is remembered", row);
  if (previous?.instanceId !== holder.instanceId || row.connections) {
    broken("who leaves over HTTP ends what stands for it, and nothing else", row);
  }
  if (!previous.connections) return;
  const { status, reason, lastEnded } = row;
  const expected = ["offline", previous.reason ?? "client_closed", previous.connectionId];
  if (text([status, reason, lastEnded]) !== text(expected)) {
    broken("an end over HTTP is told with its reason", row);
  }
}

/** The process is told that it has lost. */
function hasLost(previous: StatusRow | undefined, request: Request, row: StatusRow): void {
  if (!previous?.connections) {
    broken("only for a living process's sake another one is refused", row);
  }
  if (!row.processes?.has(tagOf(request.holder.instanceId))) {
    broken("who has lost is remembered", row);
  }
  staysSmall(row);
}

function staysSmall(row: StatusRow): void {
  if ((row.processes?.size ?? 0) > MOST_PROCESSES) {
    broken("a row remembers the last few processes", row);
  }
}

const connectionsOf = ({ connections = new Set() }: StatusRow) =>
  JSON.stringify([...connections].sort());

/** What a request may have taken from others. */
function disturbOthers(
  world: World,
  operation: Operation,
  { process, holder }: Request,
  outcome: string | undefined,
): void {
  const unsure = outcome === undefined;
  const isNew = !world.knownProcesses.has(process);
  const takes =
    operation.kind === "http" &&
    outcome === "renewed" &&
    mayTakeFromOthers(world, operation, holder, isNew);
  for (const other of world.connections) {
    if (unsure || (takes && other.process !== process)) other.disturbed = true;
  }
  if (unsure) world.attempted.add(process);
  if (outcome === "renewed" || outcome === "superseded") world.knownProcesses.add(process);
  else if (!operation.smooth) world.attempted.add(process);
}

/** Nothing else was under way: what a request is answered is so. */
function judgeAlone(
  world: World,
  { kind, before, startedAt, writes }: Operation,
  request: Request,
  outcome: string | undefined,
): void {
  const { row, presence, now } = world;
  const { holder, alone, process } = request;
  const at = startedAt + request.aheadMs;
  const greater = (before?.lastToken ?? "") >= holder.token.issued;
  if (outcome === "used" && !greater) broken("a new token is accepted", describe(request));
  if (outcome === "revoked") broken("who is registered is not told revoked", describe(request));
  if (outcome === "superseded" || outcome === "duplicate") {
    if (before !== row && outcome === "duplicate") broken("a refusal changes nothing", row);
    const isLive = before?.connections && before.leaseExpiresAt > at;
    if (!isLive) broken("only for a living process's sake another one is refused", before);
  }
  if (
    outcome === "left" &&
    row?.instanceId === holder.instanceId &&
    presence?.status === "online"
  ) {
    broken("who has left is offline", row);
  }
  if (kind !== "http") return;
  if (outcome === "renewed") {
    if (presence?.status !== "online" && now < startedAt + LEASE_MS) {
      broken("a heartbeat makes its agent online", row);
    }
    if (row?.instanceId !== holder.instanceId) broken("the row is the process's", row);
    if (row && row.lastHeartbeatAt < at) broken("a heartbeat that is acknowledged counts", row);
    const held = before?.instanceId === holder.instanceId && before.connections;
    const isLogin = before?.fencingToken === holder.fencingToken;
    const lapsed = before?.onlineSince !== undefined && before.leaseExpiresAt <= at;
    const late = lapsed || (before?.lastHeartbeatAt ?? 0) >= at ? 1 : 0;
    if (held && isLogin && writes > 1 + late) broken("a heartbeat is one write", before);
    if (writes > 3) broken("an acquisition is two writes, or three", before);
    return;
  }
  const isRush =
    (before?.processes?.size ?? 0) >= MOST_PROCESSES &&
    (before?.connectedAt ?? 0) + 2 * SKEW_MS >= at;
  const isNew = !world.knownProcesses.has(process) && !world.attempted.has(process);
  const settles = ["used", "duplicate"].includes(outcome ?? "") || isRush;
  const isOlder = (before?.connectedAt ?? 0) > at + SKEW_MS;
  if (
    isNew &&
    !alone &&
    !settles &&
    !isOlder &&
    !before?.processes?.has(tagOf(holder.instanceId))
  ) {
    broken("a new process takes the agent", describe(request));
  }
}

/** Whether an entry of the row stands for a request of its process. */
export function isHeldOverHttp({ requests, row }: World, entry: string): boolean {
  const { connectionId } = connectionIn(entry);
  return requests.some(
    ({ holder }) => holder.connectionId === connectionId && holder.instanceId === row?.instanceId,
  );
}

/** After every step. */
export function afterHttp(world: World): void {
  const { row, presence, now, underWay, httpProcesses } = world;
  const listed = [...(row?.connections ?? [])];
  const http = listed.filter((entry) => isHttpConnection(connectionIn(entry).connectionId));
  if (http.length > 0 && listed.length > 1) {
    broken("what stands for a process without a WebSocket is alone in its row", row);
  }
  const calm = [...underWay].every(({ kind }) =>
    ["renew", "expire", "stall", "recover", "forget", "subscribe"].includes(kind),
  );
  if (!calm) return;
  for (const [process, { provenAt, disturbed }] of httpProcesses) {
    if (disturbed || now + SKEW_MS >= provenAt + LEASE_MS) continue;
    if (presence?.status !== "online" || row?.instanceId !== `process-${process}`) {
      broken(`a process that is heard over HTTP is online: P${process}`, row);
    }
  }
}

const describe = ({ process, holder, repeats }: Request) =>
  `P${process} with ${holder.token.issued}${repeats ? ", repeated" : ""}`;

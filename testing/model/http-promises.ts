/** What the service promises about heartbeats over HTTP, mixed with WebSockets or without. */

import { connectionIn, isHttpConnection, tagOf } from "../../core/row-connections";
import type { StatusRow } from "../../core/status";
import { MOST_PROCESSES } from "../../lambda/lease/writes";
import { broken } from "./broken";
import {
  type HttpProcess,
  LEASE_MS,
  type Operation,
  type Request,
  SKEW_MS,
  type World,
} from "./world";

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
  const before = acceptedBefore(world, request);
  if (outcome === undefined || !operation.smooth) request.accepted = "maybe";
  const accepted = outcome === "renewed" || (outcome === "left" && hasWritten(world, operation));
  if (accepted) {
    if (before) broken("a token works once", describe(request));
    request.accepted = "yes";
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

const hasWritten = ({ writer, row, previous }: World, operation: Operation) =>
  writer === operation && operation.smooth && row !== previous;

/** A write of a request was carried out. */
function written(world: World, operation: Operation, request: Request, row: StatusRow): void {
  const { previous } = world;
  const { holder, alone } = request;
  if (acceptedBefore(world, request)) broken("a repeated token changes nothing", row);
  if ((previous?.lastToken ?? "") >= holder.token.issued && row.lastToken !== previous?.lastToken) {
    broken("tokens are accepted in order", row);
  }
  if (operation.kind !== "http" || row.instanceId !== holder.instanceId) return;
  const { activity } = operation;
  if (JSON.stringify(row.activity) !== JSON.stringify(activity)) {
    broken("a heartbeat says what the agent works on", row);
  }
  if (row.leaseExpiresAt !== row.lastHeartbeatAt + LEASE_MS || row.reason !== undefined) {
    broken("a heartbeat says until when the lease runs", row);
  }
  if (!previous?.instanceId) return;
  const same = previous.instanceId === holder.instanceId;
  const isLive = previous.leaseExpiresAt > row.lastHeartbeatAt;
  const isOfBefore = (previous.fencingToken ?? 0) < holder.fencingToken;
  const known = previous.processes?.has(tagOf(holder.instanceId)) === true;
  if (!same && previous.connections && isLive && !isOfBefore && (known || alone)) {
    broken("a process that has lost, or is to be alone, takes nothing from one that lives", row);
  }
  // Of two requests at once, either may stand for the process.
  const keeps = same && previous.connections && !isHttpConnection(previous.connectionId);
  if (keeps && !isOfBefore && connectionsOf(previous) !== connectionsOf(row)) {
    broken("an HTTP heartbeat changes no connections", row);
  }
  const ended = previous.disconnectedAt;
  const endedByWebSocket = !isHttpConnection(previous.lastEnded) && previous.reason !== "revoked";
  if (same && !previous.connections && ended !== undefined && endedByWebSocket && !isOfBefore) {
    // Either clock may be ahead of the true one.
    if (request.sentAt + request.aheadMs < ended) {
      broken("a heartbeat from before the end of a WebSocket does not bring the agent back", row);
    }
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
  const isForgotten = !world.previous?.processes?.has(tagOf(holder.instanceId));
  const takes = operation.kind === "http" && (unsure || outcome === "renewed");
  for (const other of world.connections) {
    if (unsure || (takes && other.process !== process && (isNew || isForgotten))) {
      other.disturbed = true;
    }
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

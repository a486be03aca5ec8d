/**
 * What the service promises, judged in a world by what really happened in it, never by how the writes are made: who gets the row
 * (`acquisitions`), who keeps it (`renewals`, `health`), how it ends (`ends`), who is locked out (`lock-outs`), heartbeats over
 * HTTP (`http`), what sweeps do (`sweeps`), what is published (`news`), what is so of every row (`row`, `held`), and what an
 * operation may cost (`cost`).
 */

import type { StatusRow } from "../../../core/status";
import { broken } from "../broken";
import type { Judge } from "../world/calls";
import { type Connection, entry, name, type Operation } from "../world/participants";
import { SKEW_MS, type World } from "../world/world";
import { acquired, invokedAgain } from "./acquisitions";
import { judgeCost } from "./cost";
import { judgeEnd, released } from "./ends";
import { isHealthy, judgeHealthy } from "./health";
import { afterHttp, httpFinished, isHeldOverHttp } from "./http";
import { isFenced, isMeant, lockedOut } from "./lock-outs";
import { judgeQuiet, judgeTransitions } from "./news";
import { renewed } from "./renewals";
import { judgeChange } from "./row";
import { swept } from "./sweeps";

export const promises: Judge = { finished, after };

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

/** Whether its function is at work for a second time, and may have written it again. */
const isInvokedAgain = (one: Connection, { underWay }: World) =>
  [...underWay].some(({ kind, connection }) => kind === "again" && connection === one);

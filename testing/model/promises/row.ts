/** What is so of every row, and of every change of it. */

import { displacedConnections, tagOf } from "../../../core/row-connections";
import { derivePresence } from "../../../core/status";
import { MOST_CONNECTIONS, MOST_DISPLACED, MOST_PROCESSES } from "../../../lambda/lease/writes";
import { broken } from "../broken";
import { passesFilter } from "../world/stream-reader";
import type { World } from "../world/world";
import { judgeLateness, judgeRotation, TOKEN } from "./lock-outs";

/** What a step has made of the row. */
export function judgeChange(world: World): void {
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

/** What a heartbeat that is acknowledged means. */

import { broken } from "../broken";
import { type Connection, entry, name, type Operation } from "../world/participants";
import type { World } from "../world/world";
import { hasWritten, judgeHeld, judgeSettled, judgeWork } from "./held";

export function renewed(
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

/** Reads from API Gateway when silent agents' connections were last active: heartbeats may reach it, but not the table. */

import type { ConnectionSample } from "../../core/events";
import { openConnections } from "../../core/row-connections";
import type { Connections } from "../shared/connections";
import type { OnlineRow } from "./scan";

/** The connections of a sample of silent agents. */
export type ConnectionProbe = ConnectionSample;

const SIZE = 20;

/** Whether a connection was active well after the last stored heartbeat. */
export function recentlyActive(
  { lastHeartbeatAt, heartbeatIntervalMs }: OnlineRow,
  lastActiveAt: number | "gone",
): boolean {
  // The stored heartbeat is itself activity, so only later activity counts.
  return lastActiveAt !== "gone" && lastActiveAt > lastHeartbeatAt + heartbeatIntervalMs / 2;
}

/** When any of an agent's connections last received or sent something. */
export async function lastActiveAt(
  row: OnlineRow,
  connections: Pick<Connections, "lastActiveAt">,
): Promise<number | "gone"> {
  const seen = await Promise.all(openConnections(row).map((id) => connections.lastActiveAt(id)));
  const open = seen.filter((at) => at !== "gone");
  return open.length > 0 ? Math.max(...open) : "gone";
}

/** Probes up to twenty agents, spread over all rows. A connection that can't be probed is left out. */
export async function probeConnections(
  rows: readonly OnlineRow[],
  connections: Pick<Connections, "lastActiveAt">,
): Promise<ConnectionProbe> {
  const sample: ConnectionProbe = { probed: 0, active: 0, silent: 0, gone: 0 };
  const step = Math.max(1, rows.length / SIZE);
  const chosen = Array.from(
    { length: Math.min(SIZE, rows.length) },
    (_, index) => rows[Math.floor(index * step)] as OnlineRow,
  );
  await Promise.all(
    chosen.map(async (row) => {
      const activeAt = await lastActiveAt(row, connections).catch(() => undefined);
      if (activeAt === undefined) return;
      sample.probed += 1;
      if (activeAt === "gone") sample.gone += 1;
      else sample[recentlyActive(row, activeAt) ? "active" : "silent"] += 1;
    }),
  );
  return sample;
}

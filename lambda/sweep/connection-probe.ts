/** Looks at the connections of some silent agents: what the gateway heard of them, the table may not have. */

import { openConnections } from "../../core/row-connections";
import type { Connections } from "../shared/connections";
import type { OnlineRow } from "./scan";

/** What the gateway knows of some agents whose heartbeats do not reach the table. */
export interface Sample {
  looked: number;
  /** Open, and active since the last heartbeat that is stored: the agent speaks, and is not heard. */
  speaking: number;
  /** Open, and silent. */
  silent: number;
  /** Ended, though nobody told the table. */
  gone: number;
}

const SIZE = 20;

/** Whether the gateway hears an agent, by when its connection was last active. */
export function speaks(
  { lastHeartbeatAt, heartbeatIntervalMs }: OnlineRow,
  lastActiveAt: number | "gone",
): boolean {
  // The heartbeat that is stored was active itself: only what came well after it is another one.
  return lastActiveAt !== "gone" && lastActiveAt > lastHeartbeatAt + heartbeatIntervalMs / 2;
}

/** When the gateway last heard an agent on any of its connections, or sent it something. */
export async function lastActiveAt(
  row: OnlineRow,
  connections: Pick<Connections, "lastActiveAt">,
): Promise<number | "gone"> {
  const seen = await Promise.all(openConnections(row).map((id) => connections.lastActiveAt(id)));
  const open = seen.filter((at) => at !== "gone");
  return open.length > 0 ? Math.max(...open) : "gone";
}

/** Looks at up to twenty rows, spread over all. A connection that can't be looked at counts for nothing. */
export async function lookAtSome(
  rows: readonly OnlineRow[],
  connections: Pick<Connections, "lastActiveAt">,
): Promise<Sample> {
  const sample: Sample = { looked: 0, speaking: 0, silent: 0, gone: 0 };
  const step = Math.max(1, rows.length / SIZE);
  const chosen = Array.from(
    { length: Math.min(SIZE, rows.length) },
    (_, index) => rows[Math.floor(index * step)] as OnlineRow,
  );
  await Promise.all(
    chosen.map(async (row) => {
      const activeAt = await lastActiveAt(row, connections).catch(() => undefined);
      if (activeAt === undefined) return;
      sample.looked += 1;
      if (activeAt === "gone") sample.gone += 1;
      else sample[speaks(row, activeAt) ? "speaking" : "silent"] += 1;
    }),
  );
  return sample;
}

/** A table of very many agents, some of which fall silent at one moment and some at a later one. */

import type { StatusRow } from "@agent-heartbeat/sdk/status";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import pLimit from "p-limit";
import { onlineRow, putRows } from "../../../testing/status-rows";

/** An arbitrary moment at which every row is online. */
export const START = 1_790_000_000_000;
const HOUR = 3_600_000;

/**
 * The share of agents that is silent at each sweep. Agents expired by an earlier sweep are stored
 * as offline.
 */
export const SWEEPS = [
  { expired: "none", share: 0, at: START },
  { expired: "1 %", share: 0.01, at: START + HOUR },
  { expired: "50 %", share: 0.5, at: START + 2 * HOUR },
] as const;

/** Fractional parts of its multiples are evenly spread between 0 and 1, for any count. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

const ROWS_A_CALL = 25;
const CALLS_AT_ONCE = 8;

/** Writes rows of realistic size. */
export async function loadFleet(
  client: DynamoDBClient,
  tableName: string,
  agents: number,
): Promise<void> {
  const calls = Array.from({ length: Math.ceil(agents / ROWS_A_CALL) }, (_, call) => call);
  await pLimit(CALLS_AT_ONCE).map(calls, async (call) => {
    const first = call * ROWS_A_CALL;
    const count = Math.min(ROWS_A_CALL, agents - first);
    const rows = Array.from({ length: count }, (_, index) => rowOf(first + index));
    await putRows(client, tableName, rows);
  });
}

/** Silent agents are spread over the table, which is ordered by name. */
function rowOf(index: number): StatusRow {
  const place = (index * GOLDEN) % 1;
  // All other agents have just sent a heartbeat at the time of the last sweep.
  const silent = SWEEPS.find(({ share }) => place < share);
  const lastHeartbeatAt = silent ? silent.at - HOUR / 2 : START + 2 * HOUR;
  return onlineRow(START, {
    agentId: `fleet-agent-${String(index).padStart(7, "0")}`,
    connectionId: `F${index}cOFvHcCIhw=`,
    activity: { state: "idle" },
    lastHeartbeatAt,
    leaseExpiresAt: lastHeartbeatAt + 90_000,
  });
}

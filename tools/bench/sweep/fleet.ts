/** A table of very many agents, of which a part falls silent at one moment, and another part at a later one. */

import type { StatusRow } from "@agent-heartbeat/sdk/status";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { forEachConcurrently } from "../../../lambda/shared/concurrency";
import { onlineRow, putRows } from "../../../testing/status-rows";

/** Any moment: every row is online then, and beats. */
export const START = 1_790_000_000_000;
const HOUR = 3_600_000;

/** Who is silent at which of the sweeps, and when that is. Each finds those of the sweeps before it stored as offline. */
export const SWEEPS = [
  { expired: "none", share: 0, at: START },
  { expired: "1 %", share: 0.01, at: START + HOUR },
  { expired: "50 %", share: 0.5, at: START + 2 * HOUR },
] as const;

/** Multiples of it, less their whole part, lie evenly between 0 and 1, however many there are. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

const ROWS_A_CALL = 25;
const CALLS_AT_ONCE = 8;

/** Rows of the sizes that fleets in the field have. */
export async function loadFleet(
  client: DynamoDBClient,
  tableName: string,
  agents: number,
): Promise<void> {
  const calls = Array.from({ length: Math.ceil(agents / ROWS_A_CALL) }, (_, call) => call);
  await forEachConcurrently(calls, CALLS_AT_ONCE, async (call) => {
    const first = call * ROWS_A_CALL;
    const count = Math.min(ROWS_A_CALL, agents - first);
    const rows = Array.from({ length: count }, (_, index) => rowOf(first + index));
    await putRows(client, tableName, rows);
  });
}

/** The silent are spread over the table, whose order is that of the names. */
function rowOf(index: number): StatusRow {
  const place = (index * GOLDEN) % 1;
  // Whoever is not silent at one sweep has just beaten: it is so at the last of them, and before.
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

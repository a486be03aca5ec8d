/** Leaves out the ephemeral registrations that have vanished: their records are deleted later. */

import { BatchGetItemCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { hasVanished } from "../../../core/ephemeral";
import type { RegisteredAgent } from "../../../core/registry-record";
import type { StatusRow } from "../../../core/status";
import { rowFromItem } from "../../../core/status-row";

/** BatchGetItem takes at most 100 keys. */
const BATCH = 100;

/** The agents whose registration lasts. Reads the status rows of ephemeral agents only. */
export async function withoutVanished(
  client: DynamoDBClient,
  statusTableName: string,
  agents: RegisteredAgent[],
  now: () => number,
): Promise<RegisteredAgent[]> {
  const ephemeral = agents.filter(({ ephemeralMs }) => ephemeralMs !== undefined);
  const rows = new Map<string, StatusRow>();
  for (let start = 0; start < ephemeral.length; start += BATCH) {
    let Keys = ephemeral
      .slice(start, start + BATCH)
      .map(({ organizationId, agentId }) => marshall({ organizationId, agentId }));
    while (Keys.length > 0) {
      const { Responses, UnprocessedKeys } = await client.send(
        new BatchGetItemCommand({
          RequestItems: { [statusTableName]: { Keys, ConsistentRead: true } },
        }),
      );
      for (const item of Responses?.[statusTableName] ?? []) {
        const row = rowFromItem(item);
        rows.set(row.agentId, row);
      }
      Keys = UnprocessedKeys?.[statusTableName]?.Keys ?? [];
    }
  }
  return agents.filter((agent) => !hasVanished(agent, rows.get(agent.agentId), now()));
}

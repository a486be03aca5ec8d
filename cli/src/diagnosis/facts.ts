/** Collects all that is stored of an agent. */

import type { StatusRow } from "@agent-heartbeat/sdk/status";
import type { Deployment } from "../deployment/deployment";
import { serverTime } from "../deployment/server-time";
import type { Io } from "../io";
import type { Facts } from "./diagnosis";

/** Four reads, two of them consistent. */
export async function factsOf(deployment: Deployment, agentId: string, io: Io): Promise<Facts> {
  const { registry, statuses, target, organizationId } = deployment;
  const { derivePresence, isPurged } = await import("@agent-heartbeat/sdk/status");
  const registered = (await registry.get({ organizationId, agentId })) ?? null;
  // Reads nothing that is used but the server's time.
  await statuses.getAgent(organizationId, agentId);
  const stored = await storedRow(deployment, agentId);
  const history = await statuses.history(organizationId, agentId);
  const massExpiry = await statuses.massExpiry(organizationId);
  const now = serverTime(deployment, io);
  const derived = stored && !isPurged(stored, now) ? derivePresence(stored, now) : null;
  const { WebSocketUrl: webSocketUrl = "the deployment" } = target.outputs;
  return {
    organizationId,
    agentId,
    registered,
    stored,
    derived,
    history,
    massExpiry,
    now,
    webSocketUrl,
  };
}

/** The row itself, for a reader shows only what it means. */
async function storedRow(
  { target, organizationId }: Deployment,
  agentId: string,
): Promise<StatusRow | null> {
  const { rowFromItem } = await import("@agent-heartbeat/sdk/status");
  const { GetItemCommand } = await import("@aws-sdk/client-dynamodb");
  const { Item } = await target.dynamoDb.send(
    new GetItemCommand({
      TableName: target.statusTableName,
      Key: { organizationId: { S: organizationId }, agentId: { S: agentId } },
      ConsistentRead: true,
    }),
  );
  return Item ? rowFromItem(Item) : null;
}

/** What a reader of presence takes from the registry: who can do what, and each agent's past. */

import { type DynamoDBClient, GetItemCommand, paginateQuery } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { type AgentTransition, historyQuery, transitionsIn } from "../../../core/history-record";
import type { MassExpiry, Profile } from "../../../core/protocol";
import {
  AGENT_RECORD_PREFIX,
  agentFromItem,
  isExpired,
  MASS_EXPIRY_RECORD,
  SWEEP_PARTITION,
} from "../../../core/registry-record";

/** Every method rejects with the client's error if DynamoDB fails. */
export class RegistryReads {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
  ) {}

  /** The agents that say they have a capability, page by page, in the order of their ids. */
  async *withCapability(
    organizationId: string,
    capability: string,
    now: () => number,
  ): AsyncGenerator<{ agentId: string; profile: Profile }[], void, undefined> {
    const pages = paginateQuery(
      { client: this.client },
      {
        TableName: this.tableName,
        KeyConditionExpression:
          "organizationId = :organizationId AND begins_with(recordId, :prefix)",
        FilterExpression: "contains(profile.capabilities, :capability)",
        ExpressionAttributeValues: {
          ":organizationId": { S: organizationId },
          ":prefix": { S: AGENT_RECORD_PREFIX },
          ":capability": { S: capability },
        },
      },
    );
    for await (const { Items = [] } of pages) {
      yield Items.map(agentFromItem).flatMap((agent) => {
        const { agentId, profile } = agent;
        return profile && !isExpired(agent, now()) ? [{ agentId, profile }] : [];
      });
    }
  }

  /** The last transitions of an agent or of all, newest first; one that was kept twice is there once. */
  async transitions(
    organizationId: string,
    agentId: string | undefined,
    now: () => number,
  ): Promise<AgentTransition[]> {
    const query = historyQuery(this.tableName, organizationId, agentId);
    const found = [];
    for await (const { Items = [] } of paginateQuery({ client: this.client }, query)) {
      found.push(...Items);
    }
    return transitionsIn(found, now());
  }

  /** What the sweep suspects; null where it suspects nothing, or has told what is true. */
  async massExpiry(now: () => number): Promise<MassExpiry | null> {
    const { Item } = await this.client.send(
      new GetItemCommand({
        TableName: this.tableName,
        Key: { organizationId: { S: SWEEP_PARTITION }, recordId: { S: MASS_EXPIRY_RECORD } },
      }),
    );
    if (!Item) return null;
    const { suspectedAt, heldUntil, confirmedAt, ttlEpochSeconds } = unmarshall(Item);
    if (confirmedAt !== undefined || ttlEpochSeconds * 1000 <= now()) return null;
    return { suspectedAt, heldUntil };
  }
}

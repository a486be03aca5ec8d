/** Reads capabilities, profiles and histories from the registry. */

import {
  type AttributeValue,
  BatchGetItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  paginateQuery,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { type AgentTransition, historyQueries, transitionsIn } from "../../../core/history-record";
import type { MassExpiry, OnlineCount, Profile } from "../../../core/presence";
import {
  AGENT_RECORD_PREFIX,
  agentFromItem,
  agentRecordId,
  isExpired,
  massExpiryRecord,
  SWEEP_PARTITION,
} from "../../../core/registry-record";
import { trendIn, trendQueries } from "../../../core/trend-record";

/** Requests for what a BatchGetItem has left out. */
const ATTEMPTS = 5;

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

  /**
   * The profiles of agents, by id. Agents without a profile are omitted.
   *
   * @param agentIds at most 100
   */
  async profiles(
    organizationId: string,
    agentIds: readonly string[],
  ): Promise<Map<string, Profile>> {
    const profiles = new Map<string, Profile>();
    let Keys: Record<string, AttributeValue>[] = agentIds.map((agentId) => ({
      organizationId: { S: organizationId },
      recordId: { S: agentRecordId(agentId) },
    }));
    for (let attempt = 0; Keys.length > 0; attempt++) {
      if (attempt === ATTEMPTS) {
        throw new Error(`the profiles of ${Keys.length} agents were left out ${ATTEMPTS} times`);
      }
      const { Responses, UnprocessedKeys } = await this.client.send(
        new BatchGetItemCommand({
          RequestItems: { [this.tableName]: { Keys, ProjectionExpression: "agentId, profile" } },
        }),
      );
      for (const item of Responses?.[this.tableName] ?? []) {
        const { agentId, profile } = agentFromItem(item);
        if (profile) profiles.set(agentId, profile);
      }
      Keys = UnprocessedKeys?.[this.tableName]?.Keys ?? [];
    }
    return profiles;
  }

  /** The last transitions of an agent or of all, newest first; one that was kept twice is there once. */
  async transitions(
    organizationId: string,
    agentId: string | undefined,
    now: () => number,
  ): Promise<AgentTransition[]> {
    const found: Record<string, AttributeValue>[] = [];
    await Promise.all(
      historyQueries(this.tableName, organizationId, agentId).map(async (query) => {
        for await (const { Items = [] } of paginateQuery({ client: this.client }, query)) {
          found.push(...Items);
        }
      }),
    );
    return transitionsIn(found, now());
  }

  /** How many agents were online at each sweep of the last day, oldest first. */
  async counts(organizationId: string, now: () => number): Promise<OnlineCount[]> {
    const { own, marks } = trendQueries(this.tableName, organizationId, now());
    // A day's records are a few kilobytes: each query has one page.
    const [counts, sweeps] = await Promise.all(
      [own, marks].map((query) => this.client.send(new QueryCommand(query))),
    );
    return trendIn(counts?.Items ?? [], sweeps?.Items ?? [], now());
  }

  /** What the sweep withholds of an organization's agents, for their own silence or that of several; null if nothing. */
  async massExpiry(organizationId: string, now: () => number): Promise<MassExpiry | null> {
    const found = await Promise.all(
      [null, organizationId].map((scope) =>
        this.client.send(
          new GetItemCommand({
            TableName: this.tableName,
            Key: {
              organizationId: { S: SWEEP_PARTITION },
              recordId: { S: massExpiryRecord(scope) },
            },
          }),
        ),
      ),
    );
    for (const { Item } of found) {
      if (!Item) continue;
      const { suspectedAt, heldUntil, confirmedAt, ttlEpochSeconds } = unmarshall(Item);
      if (confirmedAt === undefined && ttlEpochSeconds * 1000 > now()) {
        return { suspectedAt, heldUntil };
      }
    }
    return null;
  }
}

/** The authorizer's access to the AgentRegistry table: agents' records, and the single use of each token. */

import { randomUUID } from "node:crypto";
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { KEPT_LONGER_MS, keepUntil, readWhetherVanished } from "../../core/ephemeral";
import {
  agentFromItem,
  agentRecordId,
  isRemoved,
  loginsPartition,
  type RegisteredAgent,
  usedTokenRecordId,
} from "../../core/registry-record";

/** DynamoDB deletes rows at their TTL by its own clock: the row of a token that is still valid must not be deleted. */
const MARGIN_SECONDS = 10 * 60;

/** Where registrations and statuses are. */
export interface LoginTables {
  client: DynamoDBClient;
  registryTableName: string;
  statusTableName: string;
}

export interface LoginRegistry {
  /**
   * Whether a registration lasts: true unless it was ephemeral and has vanished. An ephemeral one is kept for as long as this
   * login may keep its agent online: that is one read, and a write at most once an hour.
   */
  lasts(agent: RegisteredAgent, now: number): Promise<boolean>;
  /**
   * The agent's record.
   *
   * @param fresh whether a change within the last second counts, at twice the price of the read
   */
  find(
    organizationId: string,
    agentId: string,
    fresh: boolean,
  ): Promise<RegisteredAgent | undefined>;
  /**
   * How many tokens of an agent were used that could be used at a time or later; counted up to `most`.
   *
   * @param sinceSeconds epoch seconds
   */
  countUses(
    organizationId: string,
    agentId: string,
    sinceSeconds: number,
    most: number,
  ): Promise<number>;
  /**
   * Whether this was the first use of a token.
   *
   * @param usableUntilSeconds when the token is no longer valid, in epoch seconds
   */
  useOnce(
    organizationId: string,
    agentId: string,
    tokenId: string,
    usableUntilSeconds: number,
  ): Promise<boolean>;
}

/** @param newAttemptId identifies one use of a token */
export function dynamoDbLoginRegistry(
  { client, registryTableName: TableName, statusTableName }: LoginTables,
  newAttemptId: () => string = randomUUID,
): LoginRegistry {
  return {
    async lasts(agent, now) {
      const { organizationId, agentId, createdAt, ephemeralMs, keptUntil = 0 } = agent;
      if (ephemeralMs === undefined) return true;
      if (await readWhetherVanished(client, statusTableName, agent, now)) return false;
      const until = keepUntil(ephemeralMs, now);
      if (keptUntil >= until - KEPT_LONGER_MS) return true;
      try {
        await client.send(
          new UpdateItemCommand({
            TableName,
            Key: marshall({ organizationId, recordId: agentRecordId(agentId) }),
            UpdateExpression: "SET keptUntil = :until, ttlEpochSeconds = :ttl",
            ConditionExpression: "createdAt = :createdAt AND attribute_exists(ephemeralMs)",
            ExpressionAttributeValues: marshall({
              ":until": until,
              ":ttl": Math.ceil(until / 1000),
              ":createdAt": createdAt,
            }),
          }),
        );
      } catch (error) {
        // Removed, disabled or given to another key meanwhile: then the row refuses this login.
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
      return true;
    },

    async find(organizationId, agentId, fresh) {
      const { Item } = await client.send(
        new GetItemCommand({
          TableName,
          Key: marshall({ organizationId, recordId: agentRecordId(agentId) }),
          ConsistentRead: fresh,
        }),
      );
      const agent = Item && agentFromItem(Item);
      return agent && !isRemoved(agent) ? agent : undefined;
    },

    async countUses(organizationId, agentId, sinceSeconds, most) {
      const { Count = 0 } = await client.send(
        new QueryCommand({
          TableName,
          Select: "COUNT",
          KeyConditionExpression: "organizationId = :partition AND recordId >= :since",
          ExpressionAttributeValues: {
            ":partition": { S: loginsPartition(organizationId, agentId) },
            ":since": { S: usedTokenRecordId(sinceSeconds) },
          },
          Limit: most,
        }),
      );
      return Count;
    },

    async useOnce(organizationId, agentId, tokenId, usableUntilSeconds) {
      const attemptId = newAttemptId();
      try {
        await client.send(
          new PutItemCommand({
            TableName,
            Item: marshall({
              organizationId: loginsPartition(organizationId, agentId),
              recordId: usedTokenRecordId(usableUntilSeconds, tokenId),
              ttlEpochSeconds: Math.ceil(usableUntilSeconds) + MARGIN_SECONDS,
              attemptId,
            }),
            ConditionExpression: "attribute_not_exists(recordId)",
            ReturnValuesOnConditionCheckFailure: "ALL_OLD",
          }),
        );
        return true;
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        // If a response is lost, the AWS client repeats the write: then the stored item is this very use.
        return error.Item?.attemptId?.S === attemptId;
      }
    },
  };
}

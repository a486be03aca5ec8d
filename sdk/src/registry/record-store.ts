/** The reads and conditional writes of agents' records, as DynamoDB takes them. */

import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import {
  AGENT_RECORD_PREFIX,
  agentFromItem,
  agentRecordId,
  isExpired,
  itemFromAgent,
  type RegisteredAgent,
  type RegisteredKey,
} from "../../../core/registry-record";
import type { DynamoDbClock } from "../status/dynamodb-clock";

/** Which agent. */
export interface AgentName {
  organizationId: string;
  agentId: string;
}

/** The agent is not registered yet, or not any more. */
const absent = "attribute_not_exists(recordId) OR expiresAt <= :now";

/** The agent is registered. */
const present =
  "attribute_exists(recordId) AND (attribute_not_exists(expiresAt) OR expiresAt > :now)";

/** Nobody has changed the keys since they were read. */
const keysAsObserved = "publicKeys = :observed";

/** Shows no registration that has ended. Every method rejects with the client's error if DynamoDB fails. */
export class RecordStore {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
    private readonly clock: DynamoDbClock,
  ) {}

  async get(name: AgentName): Promise<RegisteredAgent | undefined> {
    const { Item } = await this.client.send(
      this.clock.watch(
        new GetItemCommand({ TableName: this.tableName, Key: keyOf(name), ConsistentRead: true }),
      ),
    );
    return Item && this.#registered([Item])[0];
  }

  /** Agents in the order of their ids, after the one named. `last` is where others may follow. */
  async page(
    organizationId: string,
    after: string | undefined,
    limit: number,
  ): Promise<{ agents: RegisteredAgent[]; last: string | undefined }> {
    const { Items = [], LastEvaluatedKey } = await this.client.send(
      this.clock.watch(
        new QueryCommand({
          TableName: this.tableName,
          KeyConditionExpression:
            "organizationId = :organizationId AND begins_with(recordId, :prefix)",
          ExpressionAttributeValues: {
            ":organizationId": { S: organizationId },
            ":prefix": { S: AGENT_RECORD_PREFIX },
          },
          ConsistentRead: true,
          Limit: limit,
          ...(after && { ExclusiveStartKey: keyOf({ organizationId, agentId: after }) }),
        }),
      ),
    );
    const last = LastEvaluatedKey?.recordId?.S?.slice(AGENT_RECORD_PREFIX.length);
    return { agents: this.#registered(Items), last };
  }

  /** Returns whether it was created; false if the agent exists. */
  async create(agent: RegisteredAgent): Promise<boolean> {
    const created = this.client.send(
      this.clock.watch(
        new PutItemCommand({
          TableName: this.tableName,
          Item: itemFromAgent(agent),
          ConditionExpression: absent,
          ExpressionAttributeValues: { ":now": { N: String(this.clock.now()) } },
        }),
      ),
    );
    return (await unlessRefused(created)) !== undefined;
  }

  /** Returns the agent, or undefined if there is none. */
  setEnabled(name: AgentName, enabled: boolean): Promise<RegisteredAgent | undefined> {
    return this.#update(name, "enabled = :enabled", present, { ":enabled": { BOOL: enabled } });
  }

  /** Returns the agent, or undefined if its keys are not those that were observed any more. */
  setKeys(
    name: AgentName,
    observed: RegisteredKey[],
    changed: RegisteredKey[],
  ): Promise<RegisteredAgent | undefined> {
    const values = marshall({ ":observed": observed, ":changed": changed });
    return this.#update(name, "publicKeys = :changed", keysAsObserved, values);
  }

  /** Returns whether there was one. */
  async delete(name: AgentName): Promise<boolean> {
    const { Attributes } = await this.client.send(
      this.clock.watch(
        new DeleteItemCommand({
          TableName: this.tableName,
          Key: keyOf(name),
          ReturnValues: "ALL_OLD",
        }),
      ),
    );
    return Attributes !== undefined;
  }

  #registered(items: Record<string, AttributeValue>[]): RegisteredAgent[] {
    const now = this.clock.now();
    return items.map(agentFromItem).filter((agent) => !isExpired(agent, now));
  }

  async #update(
    name: AgentName,
    assignment: string,
    ConditionExpression: string,
    values: Record<string, AttributeValue>,
  ): Promise<RegisteredAgent | undefined> {
    const updated = this.client.send(
      this.clock.watch(
        new UpdateItemCommand({
          TableName: this.tableName,
          Key: keyOf(name),
          UpdateExpression: `SET ${assignment}, updatedAt = :now`,
          ConditionExpression,
          ExpressionAttributeValues: { ...values, ":now": { N: String(this.clock.now()) } },
          ReturnValues: "ALL_NEW",
        }),
      ),
    );
    const result = await unlessRefused(updated);
    return result && agentFromItem(result.Attributes ?? {});
  }
}

function keyOf({ organizationId, agentId }: AgentName): Record<string, AttributeValue> {
  return { organizationId: { S: organizationId }, recordId: { S: agentRecordId(agentId) } };
}

/** What a write returns, or undefined if its condition does not hold. */
async function unlessRefused<T>(write: Promise<T>): Promise<T | undefined> {
  try {
    return await write;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined;
    throw error;
  }
}

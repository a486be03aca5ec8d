/** Reads, creates and changes agents' records. */

import { isDeepStrictEqual } from "node:util";
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { LIMITS } from "../../../core/limits";
import {
  AGENT_RECORD_PREFIX,
  agentFromItem,
  asObserved,
  fencingTokenOf,
  isExpired,
  isRemoved,
  isSameItem,
  itemFromAgent,
  type RegisteredAgent,
  type RegisteredKey,
} from "../../../core/registry-record";
import type { DynamoDbClock } from "../status/dynamodb-clock";
import type { RetiredKey } from "./key-change";
import {
  type AgentName,
  ATTEMPTS,
  type Item,
  keyOf,
  present,
  RecordUpdates,
} from "./record-updates";

/** The agent is not registered yet, or not any more; and what it was before has a lesser fencing token. */
const absent =
  "(attribute_not_exists(recordId) OR expiresAt <= :now) AND (attribute_not_exists(revokedAt) OR revokedAt < :createdAt)";

/** Nobody has changed the keys since they were read. */
const keysAsObserved = "publicKeys = :observed";

/** How long the fencing token of a removed agent is kept: longer than any connection lives that it locks out. */
const TOMBSTONE_MS = LIMITS.connectionDurationMs + 60 * 60_000;

/** Shows no registration that has ended. Every method rejects with the client's error if DynamoDB fails. */
export class RecordStore {
  readonly #updates: RecordUpdates;

  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
    private readonly clock: DynamoDbClock,
  ) {
    this.#updates = new RecordUpdates(client, tableName, clock);
  }

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
          ExpressionAttributeValues: marshall({
            ":organizationId": organizationId,
            ":prefix": AGENT_RECORD_PREFIX,
          }),
          ConsistentRead: true,
          Limit: limit,
          ...(after && { ExclusiveStartKey: keyOf({ organizationId, agentId: after }) }),
        }),
      ),
    );
    const last = LastEvaluatedKey?.recordId?.S?.slice(AGENT_RECORD_PREFIX.length);
    return { agents: this.#registered(Items), last };
  }

  /** Returns the agent as it was created; undefined if it exists. */
  async create(agent: RegisteredAgent): Promise<RegisteredAgent | undefined> {
    let created = agent;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const now = this.clock.now();
      const item = itemFromAgent(created);
      const found = await this.#refusal(
        new PutItemCommand({
          TableName: this.tableName,
          Item: item,
          ConditionExpression: absent,
          ExpressionAttributeValues: marshall({ ":now": now, ":createdAt": created.createdAt }),
          ReturnValuesOnConditionCheckFailure: "ALL_OLD",
        }),
      );
      if (!found || isSameItem(found, item)) return created;
      const earlier = agentFromItem(found);
      if (!isExpired(earlier, now)) return undefined;
      const createdAt = (earlier.revokedAt ?? 0) + 1;
      created = { ...agent, createdAt, updatedAt: createdAt };
    }
    return undefined;
  }

  /** Returns the agent as it was created in the place of another; undefined if that has changed. */
  async replace(
    agent: RegisteredAgent,
    observed: RegisteredAgent,
  ): Promise<RegisteredAgent | undefined> {
    const Item = itemFromAgent(agent);
    const found = await this.#refusal(
      new PutItemCommand({
        TableName: this.tableName,
        Item,
        ...asObserved(observed),
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      }),
    );
    return !found || isSameItem(found, Item) ? agent : undefined;
  }

  /** Returns the agent, or undefined if it does not exist. */
  enable(name: AgentName): Promise<RegisteredAgent | undefined> {
    return this.#updates.set(name, "enabled = :enabled", present, { ":enabled": { BOOL: true } });
  }

  /**
   * Returns the agent with its new fencing token, or undefined if there is none. If the registration was ephemeral it lasts from
   * now on.
   */
  async disable(name: AgentName): Promise<RegisteredAgent | undefined> {
    const agent = await this.#updates.fence(
      name,
      "SET enabled = :false, updatedAt = :now, revokedAt = :revokedAt REMOVE ephemeralMs",
      { false: false },
    );
    if (agent?.keptUntil === undefined) return agent;
    return (
      (await this.#updates.update(
        name,
        "REMOVE keptUntil, ttlEpochSeconds",
        "revokedAt = :revokedAt",
        marshall({ ":revokedAt": agent.revokedAt }),
      )) ?? agent
    );
  }

  /** Returns the agent, or undefined if its keys are not those that were observed any more. */
  async setKeys(
    name: AgentName,
    observed: RegisteredKey[],
    changed: RegisteredKey[],
    retired: RetiredKey[],
  ): Promise<RegisteredAgent | undefined> {
    const some = retired.length > 0;
    const values = {
      ":observed": observed,
      ":changed": changed,
      ...(some && { ":retired": retired }),
    };
    const assignment = `publicKeys = :changed${some ? ", retiredKeys = :retired" : ""}`;
    return this.#updates.set(name, assignment, keysAsObserved, marshall(values), (found) =>
      isDeepStrictEqual(agentFromItem(found).publicKeys, changed),
    );
  }

  /**
   * Leaves of the agent its fencing token alone, for as long as connections may live that it locks out.
   *
   * @returns the token; of an agent that is not registered, one that no login of an earlier registration has
   */
  async remove(name: AgentName): Promise<{ revokedAt: number; removed: boolean }> {
    const ttlEpochSeconds = Math.ceil((this.clock.now() + TOMBSTONE_MS) / 1000);
    const agent = await this.#updates.fence(
      name,
      "SET revokedAt = :revokedAt, expiresAt = :zero, ttlEpochSeconds = :ttlEpochSeconds " +
        "REMOVE publicKeys, retiredKeys, profile, description, enabled, createdAt, updatedAt, #role",
      { zero: 0, ttlEpochSeconds },
      { "#role": "role" },
    );
    if (agent) return { revokedAt: fencingTokenOf(agent), removed: true };
    const { Item } = await this.client.send(
      new GetItemCommand({ TableName: this.tableName, Key: keyOf(name), ConsistentRead: true }),
    );
    const now = this.clock.now();
    const found = Item && agentFromItem(Item);
    // Registered since.
    if (found && !isExpired(found, now)) return this.remove(name);
    // That of a registration that has ended by itself is the token of its logins.
    const token = found && fencingTokenOf(found) + (isRemoved(found) ? 0 : 1);
    return { revokedAt: token ?? now, removed: false };
  }

  #registered(items: Record<string, AttributeValue>[]): RegisteredAgent[] {
    const now = this.clock.now();
    return items.map(agentFromItem).filter((agent) => !isExpired(agent, now));
  }

  /** What stood in the way of a write; undefined if it was done. */
  async #refusal(command: PutItemCommand): Promise<Item | undefined> {
    try {
      await this.client.send(this.clock.watch(command));
      return undefined;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return error.Item ?? {};
    }
  }
}

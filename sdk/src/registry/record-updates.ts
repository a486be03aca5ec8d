/** The conditional updates of agents' records, as DynamoDB takes them. */

import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import {
  agentFromItem,
  agentRecordId,
  fencingTokenOf,
  isExpired,
  type RegisteredAgent,
} from "../../../core/registry-record";
import type { DynamoDbClock } from "../status/dynamodb-clock";

/** Which agent. */
export interface AgentName {
  organizationId: string;
  agentId: string;
}

/** The agent is registered. */
export const present =
  "attribute_exists(recordId) AND (attribute_not_exists(expiresAt) OR expiresAt > :now)";

/** The fencing token is greater than any before. */
const fences =
  "(attribute_not_exists(revokedAt) OR revokedAt < :revokedAt) AND (attribute_not_exists(createdAt) OR createdAt < :revokedAt)";

/** A fencing token is raised above others' until it is the greatest. */
export const ATTEMPTS = 10;

export type Item = Record<string, AttributeValue>;

/** Every method rejects with the client's error if DynamoDB fails. */
export class RecordUpdates {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
    private readonly clock: DynamoDbClock,
  ) {}

  /** Writes with a fencing token that is greater than any before. */
  async fence(
    name: AgentName,
    UpdateExpression: string,
    values: Record<string, unknown>,
    ExpressionAttributeNames?: Record<string, string>,
  ): Promise<RegisteredAgent | undefined> {
    let revokedAt = this.clock.now();
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const now = this.clock.now();
      const given = Object.entries({ ...values, now, revokedAt });
      const all = marshall(Object.fromEntries(given.map(([key, value]) => [`:${key}`, value])));
      const condition = `${present} AND ${fences}`;
      try {
        return await this.#write(name, UpdateExpression, condition, all, ExpressionAttributeNames);
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        if (!error.Item) return undefined;
        const found = agentFromItem(error.Item);
        // Its own write, whose answer was lost.
        if (found.revokedAt === revokedAt) return found;
        if (isExpired(found, now)) return undefined;
        revokedAt = fencingTokenOf(found) + 1;
      }
    }
    throw new Error(`agent ${name.agentId}: others changed it at each of ${ATTEMPTS} attempts`);
  }

  /** @param isWritten whether what stands in the way is what was to be written: the client repeats lost writes */
  set(
    name: AgentName,
    assignment: string,
    condition: string,
    values: Item,
    isWritten?: (found: Item) => boolean,
  ): Promise<RegisteredAgent | undefined> {
    const all = { ...values, ...marshall({ ":now": this.clock.now() }) };
    return this.update(name, `SET ${assignment}, updatedAt = :now`, condition, all, isWritten);
  }

  async update(
    name: AgentName,
    UpdateExpression: string,
    ConditionExpression: string,
    values: Item,
    isWritten: (found: Item) => boolean = () => false,
  ): Promise<RegisteredAgent | undefined> {
    try {
      return await this.#write(name, UpdateExpression, ConditionExpression, values);
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return error.Item && isWritten(error.Item) ? agentFromItem(error.Item) : undefined;
    }
  }

  /** @throws ConditionalCheckFailedException with the item, if the condition does not hold */
  async #write(
    name: AgentName,
    UpdateExpression: string,
    ConditionExpression: string,
    ExpressionAttributeValues: Item,
    ExpressionAttributeNames?: Record<string, string>,
  ): Promise<RegisteredAgent> {
    const { Attributes = {} } = await this.client.send(
      this.clock.watch(
        new UpdateItemCommand({
          TableName: this.tableName,
          Key: keyOf(name),
          UpdateExpression,
          ConditionExpression,
          ...(ExpressionAttributeNames && { ExpressionAttributeNames }),
          ExpressionAttributeValues,
          ReturnValues: "ALL_NEW",
          ReturnValuesOnConditionCheckFailure: "ALL_OLD",
        }),
      ),
    );
    return agentFromItem(Attributes);
  }
}

export function keyOf({ organizationId, agentId }: AgentName): Item {
  return marshall({ organizationId, recordId: agentRecordId(agentId) });
}

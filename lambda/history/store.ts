/**
 * Stores the last transitions of each agent in a ring of slots in the registry table, so that a flapping agent takes no more
 * space than any other. `StatusReader` reads them.
 */

import { type DynamoDBClient, PutItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import {
  historyItem,
  historyTtlEpochSeconds,
  transitionCounterKey,
} from "../../core/history-record";
import type { Transition } from "../../core/protocol";

/** Every method rejects with the client's error if DynamoDB fails. */
export class HistoryStore {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
  ) {}

  /** Stores a transition in the slot of the oldest one. */
  async add(transition: Transition): Promise<void> {
    const count = await this.#count(transition);
    await this.client.send(
      new PutItemCommand({ TableName: this.tableName, Item: historyItem(transition, count) }),
    );
  }

  /** Increments the agent's counter. @returns the number of earlier transitions */
  async #count({ organizationId, agentId, at }: Transition): Promise<number> {
    const { Attributes } = await this.client.send(
      new UpdateItemCommand({
        TableName: this.tableName,
        Key: transitionCounterKey(organizationId, agentId),
        UpdateExpression: "ADD transitions :one SET ttlEpochSeconds = :ttlEpochSeconds",
        ExpressionAttributeValues: marshall({
          ":one": 1,
          ":ttlEpochSeconds": historyTtlEpochSeconds(at),
        }),
        ReturnValues: "UPDATED_OLD",
      }),
    );
    return Number(Attributes?.transitions?.N ?? 0);
  }
}

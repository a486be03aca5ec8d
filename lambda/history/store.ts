/**
 * The last transitions of each agent: a ring of slots in the registry table, so that an agent that flaps
 * takes no more room than any other.
 */

import {
  type DynamoDBClient,
  PutItemCommand,
  paginateQuery,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { LIMITS, type Transition, type TransitionRecord } from "../../core/protocol";

const KEPT_MS = 30 * 86_400_000;

/** Every method rejects with the client's error if DynamoDB fails. */
export class HistoryStore {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
  ) {}

  /** Keeps a transition in the place of the oldest one. */
  async add(transition: Transition): Promise<void> {
    const { organizationId, agentId, transitionId, event, reason, at } = transition;
    const { connectionId, instanceId } = transition;
    const record: TransitionRecord = { transitionId, event, reason, at, connectionId, instanceId };
    const count = await this.#count(organizationId, agentId, at);
    await this.client.send(
      new PutItemCommand({
        TableName: this.tableName,
        Item: marshall({
          organizationId,
          recordId: slotId(agentId, count % LIMITS.historyLength),
          record,
          ttlEpochSeconds: expiryOf(at),
        }),
      }),
    );
  }

  /** An agent's last transitions, newest first; one that was delivered twice is there once. */
  async read(organizationId: string, agentId: string): Promise<TransitionRecord[]> {
    const pages = paginateQuery(
      { client: this.client },
      {
        TableName: this.tableName,
        KeyConditionExpression:
          "organizationId = :organizationId AND begins_with(recordId, :prefix)",
        ExpressionAttributeValues: {
          ":organizationId": { S: organizationId },
          ":prefix": { S: slotId(agentId) },
        },
      },
    );
    const records = new Map<string, TransitionRecord>();
    for await (const { Items = [] } of pages) {
      for (const { record } of Items.map((item) => unmarshall(item))) {
        records.set(record.transitionId, record);
      }
    }
    return [...records.values()].sort((one, other) => other.at - one.at);
  }

  /** How many transitions the agent has had before. */
  async #count(organizationId: string, agentId: string, at: number): Promise<number> {
    const { Attributes } = await this.client.send(
      new UpdateItemCommand({
        TableName: this.tableName,
        Key: marshall({ organizationId, recordId: `transitions#${agentId}` }),
        UpdateExpression: "ADD transitions :one SET ttlEpochSeconds = :ttlEpochSeconds",
        ExpressionAttributeValues: marshall({ ":one": 1, ":ttlEpochSeconds": expiryOf(at) }),
        ReturnValues: "UPDATED_OLD",
      }),
    );
    return Number(Attributes?.transitions?.N ?? 0);
  }
}

const slotId = (agentId: string, slot?: number) =>
  `history#${agentId}#${slot === undefined ? "" : String(slot).padStart(2, "0")}`;

const expiryOf = (at: number) => Math.ceil((at + KEPT_MS) / 1000);

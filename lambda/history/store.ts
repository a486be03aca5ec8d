/**
 * Stores the last transitions of each agent in a ring of slots in the registry table, so that a flapping agent takes no more
 * space than any other. `StatusReader` reads them.
 */

import { randomUUID } from "node:crypto";
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import {
  historyItem,
  historyTtlEpochSeconds,
  transitionCounterKey,
} from "../../core/history-record";
import type { Transition } from "../../core/presence";

/** Where in a stream a change was read. */
export interface StreamPosition {
  stream: string;
  /** Greater than that of any earlier change of the same row. */
  sequenceNumber: string;
}

/** No sequence number of DynamoDB is longer: padded to it, they are in the order of numbers. */
const SEQUENCE_DIGITS = 40;

/** The change was not claimed before, by whichever run of the function. */
const isNext =
  "attribute_not_exists(lastSequence) OR streamId <> :streamId OR lastSequence < :lastSequence";

/** Every method rejects with the client's error if DynamoDB fails. */
export class HistoryStore {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
  ) {}

  /**
   * Claims a transition: of all runs that read it, one gets it.
   *
   * @returns how many transitions the agent had before; undefined if another run has claimed it, or a later one
   */
  async claim(
    { organizationId, agentId, at }: Transition,
    { stream, sequenceNumber }: StreamPosition,
  ): Promise<number | undefined> {
    const claimId = randomUUID();
    try {
      const { Attributes } = await this.client.send(
        new UpdateItemCommand({
          TableName: this.tableName,
          Key: transitionCounterKey(organizationId, agentId),
          UpdateExpression:
            "ADD transitions :one SET ttlEpochSeconds = :ttlEpochSeconds, streamId = :streamId, " +
            "lastSequence = :lastSequence, claimId = :claimId",
          ConditionExpression: isNext,
          ExpressionAttributeValues: marshall({
            ":one": 1,
            ":ttlEpochSeconds": historyTtlEpochSeconds(at),
            ":streamId": stream,
            ":lastSequence": sequenceNumber.padStart(SEQUENCE_DIGITS, "0"),
            ":claimId": claimId,
          }),
          ReturnValues: "UPDATED_OLD",
          ReturnValuesOnConditionCheckFailure: "ALL_OLD",
        }),
      );
      return Number(Attributes?.transitions?.N ?? 0);
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      // The client writes again where an answer was lost: what stands in the way may be this very claim.
      if (error.Item?.claimId?.S !== claimId) return undefined;
      return Number(error.Item.transitions?.N) - 1;
    }
  }

  /**
   * Keeps a transition in the place of the oldest one.
   *
   * @param count what its claim returned
   */
  async add(transition: Transition, count: number): Promise<void> {
    await this.client.send(
      new PutItemCommand({ TableName: this.tableName, Item: historyItem(transition, count) }),
    );
  }
}

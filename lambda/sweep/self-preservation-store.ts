/** Keeps the suspicion of a mass expiry, on which sweeps that overlap have to agree. */

import { randomUUID } from "node:crypto";
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { isSameItem, MASS_EXPIRY_RECORD, SWEEP_PARTITION } from "../../core/registry-record";
import type { Sample } from "./connection-probe";
import type { Standing } from "./self-preservation-rule";

/** What was seen when the suspicion arose. */
export interface SelfPreservationState extends Standing {
  suspectedAt: number;
  /** Agents that had missed a heartbeat, their lease over or not. */
  silent: number;
  /** All agents that were stored as online. */
  online: number;
  sample: Sample;
}

const KEY = { organizationId: { S: SWEEP_PARTITION }, recordId: { S: MASS_EXPIRY_RECORD } };

/** Kept so long where no sweep ends it: longer than the longest interval of sweeps. */
const KEPT_MS = 2 * 24 * 60 * 60_000;

/** Every method rejects with the client's error if DynamoDB fails. */
export class SelfPreservationStore {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly TableName: string,
  ) {}

  /** Consistently: what another sweep has just begun to suspect must not be told by this one. */
  async get(): Promise<SelfPreservationState | undefined> {
    const { Item } = await this.client.send(
      new GetItemCommand({ TableName: this.TableName, Key: KEY, ConsistentRead: true }),
    );
    if (!Item) return undefined;
    const { attemptId: _, ...suspicion } = unmarshall(Item);
    return suspicion as SelfPreservationState;
  }

  /** @returns false if another sweep suspects already */
  begin(suspicion: SelfPreservationState): Promise<boolean> {
    const ttlEpochSeconds = Math.ceil((suspicion.heldUntil + KEPT_MS) / 1000);
    // Another sweep may see the same at the same moment.
    const attemptId = randomUUID();
    const Item = { ...KEY, ...marshall({ ...suspicion, ttlEpochSeconds, attemptId }) };
    return won(
      this.client.send(
        new PutItemCommand({
          TableName: this.TableName,
          Item,
          ConditionExpression: "attribute_not_exists(recordId)",
          ReturnValuesOnConditionCheckFailure: "ALL_OLD",
        }),
      ),
      Item,
    );
  }

  /** The truth is told from now on. @returns false if another sweep was first */
  confirm({ suspectedAt }: SelfPreservationState, now: number): Promise<boolean> {
    return won(
      this.client.send(
        new UpdateItemCommand({
          TableName: this.TableName,
          Key: KEY,
          UpdateExpression: "SET confirmedAt = :now",
          // Equal where the client has written it before, and lost the answer.
          ConditionExpression:
            "suspectedAt = :suspectedAt AND (attribute_not_exists(confirmedAt) OR confirmedAt = :now)",
          ExpressionAttributeValues: marshall({ ":suspectedAt": suspectedAt, ":now": now }),
        }),
      ),
    );
  }

  /** Ends it, unless another sweep was first. */
  async end({ suspectedAt }: SelfPreservationState): Promise<void> {
    await won(
      this.client.send(
        new DeleteItemCommand({
          TableName: this.TableName,
          Key: KEY,
          ConditionExpression: "suspectedAt = :suspectedAt",
          ExpressionAttributeValues: marshall({ ":suspectedAt": suspectedAt }),
        }),
      ),
    );
  }
}

/** @param Item what was to be written: it may stand in the way itself, for the client repeats a write whose answer was lost */
async function won(
  write: Promise<unknown>,
  Item?: Record<string, AttributeValue>,
): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return Item !== undefined && isSameItem(error.Item, Item);
  }
}

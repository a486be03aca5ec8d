/** Stores the state of self-preservation. Conditional writes make overlapping sweeps agree on it. */

import { randomUUID } from "node:crypto";
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  paginateQuery,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import {
  isSameItem,
  MASS_EXPIRY_RECORD,
  massExpiryRecord,
  SWEEP_PARTITION,
} from "../../core/registry-record";
import type { ConnectionProbe } from "./connection-probe";
import type { HoldState } from "./self-preservation-rule";

/** The state, with the findings at its beginning. */
export interface SelfPreservationState extends HoldState {
  suspectedAt: number;
  /** Agents that had missed a heartbeat, whether or not their lease had expired. */
  silent: number;
  /** All agents stored as online. */
  online: number;
  sample: ConnectionProbe;
  /** Present once the bus has taken the event of its beginning. */
  announced?: true;
}

/** The scope of a state that is of several organizations: no organization has this id. */
export const ALL = "";

/** An organization's id, or `ALL`. */
export type Scope = string;

const keyOf = (scope: Scope) =>
  marshall({
    organizationId: SWEEP_PARTITION,
    recordId: massExpiryRecord(scope === ALL ? null : scope),
  });

/** TTL of a state that no sweep ends: longer than the longest sweep interval. */
const KEPT_MS = 2 * 24 * 60 * 60_000;

/** Every method rejects with the client's error if DynamoDB fails. */
export class SelfPreservationStore {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly TableName: string,
  ) {}

  /** All states. Reads consistently: this sweep must not publish what another one has just begun to withhold. */
  async all(): Promise<Map<Scope, SelfPreservationState>> {
    const states = new Map<Scope, SelfPreservationState>();
    const pages = paginateQuery(
      { client: this.client },
      {
        TableName: this.TableName,
        KeyConditionExpression: "organizationId = :sweep AND begins_with(recordId, :prefix)",
        ExpressionAttributeValues: marshall({
          ":sweep": SWEEP_PARTITION,
          ":prefix": MASS_EXPIRY_RECORD,
        }),
        ConsistentRead: true,
      },
    );
    for await (const { Items = [] } of pages) {
      for (const item of Items) {
        const {
          recordId,
          organizationId: _,
          attemptId: __,
          ttlEpochSeconds: ___,
          ...state
        } = unmarshall(item);
        const scope = recordId.slice(MASS_EXPIRY_RECORD.length + 1);
        states.set(scope, state as SelfPreservationState);
      }
    }
    return states;
  }

  /** Begins to withhold expirations. @returns false if another sweep was first */
  begin(scope: Scope, state: SelfPreservationState): Promise<boolean> {
    const ttlEpochSeconds = Math.ceil((state.heldUntil + KEPT_MS) / 1000);
    // Distinguishes this write from another sweep's with the same state.
    const attemptId = randomUUID();
    const Item = { ...keyOf(scope), ...marshall({ ...state, ttlEpochSeconds, attemptId }) };
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

  /** Notes that the bus has taken the event of the beginning. */
  async announce(scope: Scope, { suspectedAt }: SelfPreservationState): Promise<void> {
    await won(
      this.client.send(
        new UpdateItemCommand({
          TableName: this.TableName,
          Key: keyOf(scope),
          UpdateExpression: "SET announced = :true",
          ConditionExpression: "suspectedAt = :suspectedAt",
          ExpressionAttributeValues: marshall({ ":true": true, ":suspectedAt": suspectedAt }),
        }),
      ),
    );
  }

  /** Stores that expirations are published from now on. @returns false if another sweep was first */
  confirm(scope: Scope, { suspectedAt }: SelfPreservationState, now: number): Promise<boolean> {
    return won(
      this.client.send(
        new UpdateItemCommand({
          TableName: this.TableName,
          Key: keyOf(scope),
          UpdateExpression: "SET confirmedAt = :now",
          // Equal if the client repeats a write whose response was lost.
          ConditionExpression:
            "suspectedAt = :suspectedAt AND (attribute_not_exists(confirmedAt) OR confirmedAt = :now)",
          ExpressionAttributeValues: marshall({ ":suspectedAt": suspectedAt, ":now": now }),
        }),
      ),
    );
  }

  /** Ends self-preservation, unless another sweep was first. */
  async end(scope: Scope, { suspectedAt }: SelfPreservationState): Promise<void> {
    await won(
      this.client.send(
        new DeleteItemCommand({
          TableName: this.TableName,
          Key: keyOf(scope),
          ConditionExpression: "suspectedAt = :suspectedAt",
          ExpressionAttributeValues: marshall({ ":suspectedAt": suspectedAt }),
        }),
      ),
    );
  }
}

/** @param Item the written item: if the client repeats a write whose response was lost, it finds its own item */
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

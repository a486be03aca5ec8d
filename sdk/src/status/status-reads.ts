/** What a reader of presence takes from the status table: rows, and what they mean by DynamoDB's clock. */

import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import type { AgentPresence } from "../../../core/presence";
import { derivePresence, isPurged, type StatusRow } from "../../../core/status";
import { rowFromItem } from "../../../core/status-row";
import { type Clock, DynamoDbClock } from "./dynamodb-clock";
import type { StatusReaderOptions } from "./reader-options";

/** What a reader needs of a row. A record, so that what a presence is derived from can't be forgotten here. */
const ROW_ATTRIBUTES = Object.keys({
  organizationId: true,
  agentId: true,
  status: true,
  connectionId: true,
  connectedAt: true,
  onlineSince: true,
  lastHeartbeatAt: true,
  leaseExpiresAt: true,
  heartbeatIntervalMs: true,
  instanceId: true,
  activity: true,
  stallsAt: true,
  reason: true,
  disconnectedAt: true,
  ttlEpochSeconds: true,
} satisfies Record<PresenceAttribute, true>);

type PresenceAttribute =
  | keyof Parameters<typeof derivePresence>[0]
  | "organizationId"
  | "ttlEpochSeconds";

/** What is needed of a row for its status alone. */
export const COUNT_ATTRIBUTES = ["status", "leaseExpiresAt", "ttlEpochSeconds", "instanceId"];

/** Every method rejects with the client's error if DynamoDB fails. Rows past their retention are never shown. */
export class StatusReads {
  /** Epoch milliseconds, by DynamoDB's clock where it is believed. */
  readonly now: Clock;
  readonly #client: DynamoDBClient;
  readonly #tableName: string;
  readonly #consistent: boolean;
  readonly #clock: DynamoDbClock;
  readonly #correctClock: boolean;

  constructor(
    client: DynamoDBClient,
    tableName: string,
    { consistent = false, now = Date.now, correctClock = true }: Partial<StatusReaderOptions>,
  ) {
    this.#client = client;
    this.#tableName = tableName;
    this.#consistent = consistent;
    this.#correctClock = correctClock;
    this.#clock = new DynamoDbClock(now);
    this.now = correctClock ? () => this.#clock.now() : now;
  }

  /** How far the local clock was behind DynamoDB's at the last read, in milliseconds; 0 if they agreed. */
  get clockOffsetMs(): number {
    return this.#clock.offsetMs;
  }

  /** One agent, or undefined if there is no row of it. */
  async agent(organizationId: string, agentId: string): Promise<AgentPresence | undefined> {
    const { Item } = await this.#client.send(
      this.#watch(
        new GetItemCommand({
          TableName: this.#tableName,
          Key: keyOf(organizationId, agentId),
          ConsistentRead: this.#consistent,
          ...projection(ROW_ATTRIBUTES),
        }),
      ),
    );
    return Item && this.#present([Item])[0];
  }

  /**
   * The agents of one query, in the order of their ids.
   *
   * @param after the agent before the first one; undefined for the first of all
   * @param limit rows to read at most. @default as many as one query reads
   * @returns also where to go on: undefined after the last row
   */
  async page(
    organizationId: string,
    after: string | undefined,
    {
      limit,
      attributes = ROW_ATTRIBUTES,
    }: { limit?: number; attributes?: string[] | undefined } = {},
  ): Promise<{ agents: AgentPresence[]; lastAgentId: string | undefined }> {
    const { ExpressionAttributeNames, ...projected } = projection(attributes);
    const { Items = [], LastEvaluatedKey } = await this.#client.send(
      this.#watch(
        new QueryCommand({
          TableName: this.#tableName,
          KeyConditionExpression: "#organizationId = :organizationId",
          ExpressionAttributeNames: {
            ...ExpressionAttributeNames,
            "#organizationId": "organizationId",
          },
          ExpressionAttributeValues: { ":organizationId": { S: organizationId } },
          ConsistentRead: this.#consistent,
          ...projected,
          ...(limit && { Limit: limit }),
          ...(after !== undefined && { ExclusiveStartKey: keyOf(organizationId, after) }),
        }),
      ),
    );
    return { agents: this.#present(Items), lastAgentId: LastEvaluatedKey?.agentId?.S };
  }

  /** Every agent of the organization, read page by page while they are taken. */
  async *all(
    organizationId: string,
    attributes?: string[],
  ): AsyncGenerator<AgentPresence, void, undefined> {
    let after: string | undefined;
    do {
      const page = await this.page(organizationId, after, { attributes });
      yield* page.agents;
      after = page.lastAgentId;
    } while (after !== undefined);
  }

  #present(items: Record<string, AttributeValue>[]): AgentPresence[] {
    const now = this.now();
    const kept = (row: StatusRow) => !isPurged(row, now);
    return items
      .map(rowFromItem)
      .filter(kept)
      .map((row) => derivePresence(row, now));
  }

  #watch<C extends GetItemCommand | QueryCommand>(command: C): C {
    return this.#correctClock ? this.#clock.watch(command) : command;
  }
}

function keyOf(organizationId: string, agentId: string): Record<string, AttributeValue> {
  return { organizationId: { S: organizationId }, agentId: { S: agentId } };
}

/** Every name has an alias, for `status` is one of DynamoDB's reserved words. */
function projection(attributes: readonly string[]) {
  return {
    ProjectionExpression: attributes.map((name) => `#${name}`).join(", "),
    ExpressionAttributeNames: Object.fromEntries(attributes.map((name) => [`#${name}`, name])),
  };
}

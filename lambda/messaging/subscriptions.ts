/**
 * The Subscriptions table: who wants messages on which subject, by connection; and the connections of viewers and
 * publishers, which have no presence and so are listed in no row, for a lock-out to find.
 */

import {
  type AttributeValue,
  BatchWriteItemCommand,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  paginateQuery,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { SUBSCRIPTIONS_BY_CONNECTION } from "../../core/names";
import { LIMITS, matchesSubject } from "../../core/protocol";
import { addressesFor, addressOf, connectionsAddress } from "../../core/subscription-keys";
import type { Login } from "../lease/standing";

/** One connection's wish for messages. */
export interface Subscription {
  organizationId: string;
  pattern: string;
  connectionId: string;
  /** Which process: a connection and the one that replaces it count as one. */
  instanceId: string;
  agentId: string;
  connectedAt: number;
  /** When the registration ends, and the subscription with it. */
  registeredUntil?: number | undefined;
}

/** A connection that messages go to. */
export type Subscriber = Omit<Subscription, "pattern" | "connectedAt" | "registeredUntil">;

type Found = Subscriber & { pattern: string };

/** A connection of a viewer or publisher, and what it logged in with. */
export type ListedConnection = Pick<Login, "connectionId" | "fencingToken" | "keyTag">;

/** A subscription outlives its connection by this much, where nobody saw the end. */
const MARGIN_MS = 15 * 60_000;

/** Items of one BatchWriteItem. */
const BATCH = 25;

const ATTEMPTS = 5;

type Item = Record<string, AttributeValue>;

/** What is kept of a subscription. */
const ATTRIBUTES = ["organizationId", "agentId", "instanceId", "connectionId", "pattern"] as const;

/** Every method rejects with the client's error if DynamoDB fails. */
export class SubscriptionStore {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
  ) {}

  /** Adds a subscription, or renews the one that is there. */
  async add(subscription: Subscription): Promise<void> {
    const { connectedAt, registeredUntil = Number.POSITIVE_INFINITY } = subscription;
    const end = Math.min(lastsUntil(connectedAt), registeredUntil);
    await this.client.send(
      new PutItemCommand({
        TableName: this.tableName,
        Item: {
          ...keyOf(subscription),
          ...marshall({
            ...Object.fromEntries(ATTRIBUTES.map((name) => [name, subscription[name]])),
            ttlEpochSeconds: Math.floor(end / 1000),
          }),
        },
      }),
    );
  }

  /** Lists a connection of a viewer or publisher until it ends. */
  async addConnection({
    organizationId,
    agentId,
    connectedAt,
    connectionId,
    fencingToken,
    keyTag,
  }: ListedConnection & Pick<Subscription, "organizationId" | "agentId" | "connectedAt">) {
    await this.client.send(
      new PutItemCommand({
        TableName: this.tableName,
        Item: marshall({
          address: connectionsAddress(organizationId, agentId),
          subscriber: connectionId,
          connectionId,
          fencingToken,
          keyTag,
          ttlEpochSeconds: Math.floor(lastsUntil(connectedAt) / 1000),
        }),
      }),
    );
  }

  /** The connections of a viewer or publisher: every one that was listed before. */
  async connectionsOf(
    organizationId: string,
    agentId: string,
    now: number,
  ): Promise<ListedConnection[]> {
    return this.#at<ListedConnection>(connectionsAddress(organizationId, agentId), now);
  }

  /** Takes a subscription away, if it is there. */
  async remove(
    subscription: Pick<Subscription, "organizationId" | "pattern" | "connectionId">,
  ): Promise<void> {
    const Key = keyOf(subscription);
    await this.client.send(new DeleteItemCommand({ TableName: this.tableName, Key }));
  }

  /** How many items a connection has here. The index may miss those of the last second. */
  async count(connectionId: string): Promise<number> {
    const { Count = 0 } = await this.client.send(
      new QueryCommand({ ...this.#of(connectionId), Select: "COUNT" }),
    );
    return Count;
  }

  /** Takes all items of a connection away. The index may miss one of the last second: its TTL comes. */
  async removeConnection(connectionId: string): Promise<void> {
    const pages = paginateQuery({ client: this.client }, this.#of(connectionId));
    for await (const { Items = [] } of pages) {
      for (let start = 0; start < Items.length; start += BATCH) {
        await this.#delete(Items.slice(start, start + BATCH));
      }
    }
  }

  /**
   * The connections that want messages on a subject, each once. Sees every subscription that was
   * answered before.
   *
   * @param now epoch milliseconds
   */
  async find(organizationId: string, subject: string, now: number): Promise<Subscriber[]> {
    const pages = await Promise.all(
      addressesFor(organizationId, subject).map((address) => this.#at<Found>(address, now)),
    );
    const subscribers = new Map<string, Subscriber>();
    for (const { pattern, ...subscriber } of pages.flat()) {
      if (matchesSubject(pattern, subject)) subscribers.set(subscriber.connectionId, subscriber);
    }
    return [...subscribers.values()];
  }

  /** All items at an address. */
  async #at<T>(address: string, now: number): Promise<T[]> {
    const found: T[] = [];
    const pages = paginateQuery(
      { client: this.client },
      {
        TableName: this.tableName,
        KeyConditionExpression: "address = :address",
        FilterExpression: "ttlEpochSeconds > :now",
        ExpressionAttributeValues: {
          ":address": { S: address },
          ":now": { N: String(Math.floor(now / 1000)) },
        },
        // A viewer that has been answered "subscribed" counts on missing nothing from then on.
        ConsistentRead: true,
      },
    );
    for await (const { Items = [] } of pages) {
      for (const item of Items) found.push(unmarshall(item) as T);
    }
    return found;
  }

  #of(connectionId: string) {
    return {
      TableName: this.tableName,
      IndexName: SUBSCRIPTIONS_BY_CONNECTION,
      KeyConditionExpression: "connectionId = :connectionId",
      ExpressionAttributeValues: { ":connectionId": { S: connectionId } },
    };
  }

  async #delete(items: Item[]): Promise<void> {
    let requests = items.map(({ address, subscriber }) => ({
      DeleteRequest: { Key: { address, subscriber } as Item },
    }));
    for (let attempt = 0; requests.length > 0 && attempt < ATTEMPTS; attempt++) {
      const { UnprocessedItems } = await this.client.send(
        new BatchWriteItemCommand({ RequestItems: { [this.tableName]: requests } }),
      );
      requests = (UnprocessedItems?.[this.tableName] ?? []) as typeof requests;
    }
  }
}

const lastsUntil = (connectedAt: number) => connectedAt + LIMITS.connectionDurationMs + MARGIN_MS;

function keyOf({
  organizationId,
  pattern,
  connectionId,
}: Pick<Subscription, "organizationId" | "pattern" | "connectionId">): Item {
  return {
    address: { S: addressOf(organizationId, pattern) },
    subscriber: { S: `${connectionId}#${pattern}` },
  };
}

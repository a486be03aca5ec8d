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
import { SUBSCRIPTIONS_BY_CONNECTION, SUBSCRIPTIONS_BY_OWNER } from "../../core/names";
import { LIMITS, matchesSubject } from "../../core/protocol";
import { addressesFor, addressOf, connectionsAddress, ownerOf } from "../../core/subscription-keys";
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

/** What an agent has of what it may have. */
export interface SubscriptionUsage {
  ofAgent: number;
  ofConnection: number;
  /** To the same subject, or to patterns that are found together with this one. */
  atAddress: number;
}

/** Who gets a message. */
export interface Subscribers {
  subscribers: Subscriber[];
  /** Whether these are all. */
  complete: boolean;
}

/** Subscriptions of one read, about 300 KB. */
const PAGE = 1000;

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
            owner: ownerOf(subscription.organizationId, subscription.agentId),
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
    const address = connectionsAddress(organizationId, agentId);
    return (await this.#at<ListedConnection>(address, now)).found;
  }

  /** Takes a subscription away, if it is there. */
  async remove(
    subscription: Pick<Subscription, "organizationId" | "pattern" | "connectionId">,
  ): Promise<void> {
    const Key = keyOf(subscription);
    await this.client.send(new DeleteItemCommand({ TableName: this.tableName, Key }));
  }

  /** What an agent has, seen from a subscription that it is to get. The index may miss what it got in the last second. */
  async usage({
    organizationId,
    agentId,
    pattern,
    connectionId,
  }: Pick<
    Subscription,
    "organizationId" | "agentId" | "pattern" | "connectionId"
  >): Promise<SubscriptionUsage> {
    const { Items = [] } = await this.client.send(
      new QueryCommand({
        TableName: this.tableName,
        IndexName: SUBSCRIPTIONS_BY_OWNER,
        KeyConditionExpression: "#owner = :owner",
        ExpressionAttributeNames: { "#owner": "owner" },
        ExpressionAttributeValues: { ":owner": { S: ownerOf(organizationId, agentId) } },
        Limit: LIMITS.subscriptionsOfAgent,
      }),
    );
    const address = addressOf(organizationId, pattern);
    const prefix = `${connectionId}#`;
    return {
      ofAgent: Items.length,
      ofConnection: Items.filter(({ subscriber }) => subscriber?.S?.startsWith(prefix)).length,
      atAddress: Items.filter((item) => item.address?.S === address).length,
    };
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
   * answered before, as far as one message may read them.
   *
   * @param now epoch milliseconds
   */
  async find(organizationId: string, subject: string, now: number): Promise<Subscribers> {
    const parts = await Promise.all(
      addressesFor(organizationId, subject).map((address) =>
        this.#at<Found>(address, now, LIMITS.subscriptionsRead),
      ),
    );
    const subscribers = new Map<string, Subscriber>();
    for (const { pattern, ...subscriber } of parts.flatMap(({ found }) => found)) {
      if (matchesSubject(pattern, subject)) subscribers.set(subscriber.connectionId, subscriber);
    }
    return {
      subscribers: [...subscribers.values()],
      complete: parts.every(({ complete }) => complete),
    };
  }

  /** The items at an address, up to some number. */
  async #at<T>(
    address: string,
    now: number,
    most = Number.POSITIVE_INFINITY,
  ): Promise<{ found: T[]; complete: boolean }> {
    const found: T[] = [];
    let read = 0;
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
        Limit: PAGE,
        // A viewer that has been answered "subscribed" counts on missing nothing from then on.
        ConsistentRead: true,
      },
    );
    for await (const { Items = [], ScannedCount = 0, LastEvaluatedKey } of pages) {
      for (const item of Items) found.push(unmarshall(item) as T);
      read += ScannedCount;
      if (LastEvaluatedKey && read >= most) return { found, complete: false };
    }
    return { found, complete: true };
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

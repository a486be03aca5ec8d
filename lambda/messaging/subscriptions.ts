/**
 * The Subscriptions table: who wants messages on which subject, by connection; and the connections of viewers and
 * publishers, which have no presence and so are listed in no row, for a lock-out to find.
 */

import { createHash } from "node:crypto";
import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  paginateQuery,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { LIMITS } from "../../core/limits";
import { SUBSCRIPTIONS_BY_CONNECTION, SUBSCRIPTIONS_BY_OWNER } from "../../core/names";
import { matchesSubject } from "../../core/subject";
import {
  addressesFor,
  addressOf,
  connectionsAddress,
  groupIn,
  ownerOf,
  subscribedConnection,
  subscriberOf,
} from "../../core/subscription-keys";
import type { Login } from "../lease/standing";
import { deleteItems, type ItemKey } from "./batch-write";
import { type AddressReader, queryAt, readAddress, type Subscriber } from "./subscription-reader";

/** One connection's wish for messages. */
export interface Subscription {
  organizationId: string;
  pattern: string;
  /** Of whose members one gets each message. */
  group?: string | undefined;
  connectionId: string;
  /** Which process: a connection and the one that replaces it count as one. */
  instanceId: string;
  agentId: string;
  connectedAt: number;
  /** When the registration ends, and the subscription with it. */
  registeredUntil?: number | undefined;
}

/** What identifies a subscription. */
type SubscriptionKey = Pick<
  Subscription,
  "organizationId" | "agentId" | "instanceId" | "connectionId" | "pattern" | "group"
>;

/** A connection of a viewer or publisher, and what it logged in with. */
export type ListedConnection = Pick<Login, "connectionId" | "fencingToken" | "keyTag">;

/** What an agent has of what it may have. */
export interface SubscriptionUsage {
  ofAgent: number;
  ofConnection: number;
  /** To the same subject, or to patterns that are found together with this one. */
  atAddress: number;
  /** Of these, with a group. */
  groupsAtAddress: number;
}

/** Who gets a message. */
export interface Subscribers {
  /** Who subscribes without a group. */
  subscribers: Subscriber[];
  /** Members of each group: all, or some drawn at random from a large one. */
  groups: Map<string, Subscriber[]>;
  /** Whether these are all. */
  complete: boolean;
}

/** How long a subscription outlives its connection if the end was not recorded. */
const MARGIN_MS = 15 * 60_000;

type Item = Record<string, AttributeValue>;

/** What is kept of a subscription. */
const ATTRIBUTES = [
  "organizationId",
  "agentId",
  "instanceId",
  "connectionId",
  "pattern",
  "group",
] as const;

/** Every method rejects with the client's error if DynamoDB fails. */
export class SubscriptionStore {
  readonly #reader: AddressReader;

  /** @param random from 0 to below 1: draws the members of large groups */
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
    random: () => number = Math.random,
  ) {
    this.#reader = { client, tableName, random };
  }

  /** Adds a subscription, or renews the one that is there. */
  async add(subscription: Subscription): Promise<void> {
    const { connectedAt, registeredUntil } = subscription;
    await this.client.send(
      new PutItemCommand({
        TableName: this.tableName,
        Item: {
          ...keyOf(subscription),
          ...marshall(
            {
              owner: ownerOf(subscription.organizationId, subscription.agentId),
              ...Object.fromEntries(ATTRIBUTES.map((name) => [name, subscription[name]])),
              ttlEpochSeconds: ttlOf(connectedAt, registeredUntil),
            },
            { removeUndefinedValues: true },
          ),
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
          ttlEpochSeconds: ttlOf(connectedAt),
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
    const found: ListedConnection[] = [];
    const query = queryAt(this.tableName, address, now);
    for await (const { Items = [] } of paginateQuery({ client: this.client }, query)) {
      for (const item of Items) found.push(unmarshall(item) as ListedConnection);
    }
    return found;
  }

  /** Takes a subscription away, if it is there. */
  async remove(subscription: SubscriptionKey): Promise<void> {
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
    const all = Items.map((item) => ({
      at: item.address?.S,
      subscriber: item.subscriber?.S ?? "",
    }));
    const here = all.filter(({ at }) => at === address);
    return {
      ofAgent: all.length,
      ofConnection: all.filter(
        ({ subscriber }) => subscribedConnection(subscriber) === connectionId,
      ).length,
      atAddress: here.length,
      groupsAtAddress: here.filter(({ subscriber }) => groupIn(subscriber)).length,
    };
  }

  /** Deletes all items of a connection. The index may miss an item of the last second, which the TTL deletes. */
  async removeConnection(connectionId: string): Promise<void> {
    const pages = paginateQuery({ client: this.client }, this.#of(connectionId));
    for await (const { Items = [] } of pages) {
      const keys = Items.map(({ address, subscriber }) => ({ address, subscriber }) as ItemKey);
      await deleteItems(this.client, this.tableName, keys);
    }
  }

  /**
   * The connections that want messages on a subject, each once, and the members of groups. Sees every subscription that
   * was answered before, as far as one message may read them.
   *
   * @param now epoch milliseconds
   */
  async find(organizationId: string, subject: string, now: number): Promise<Subscribers> {
    const parts = await Promise.all(
      addressesFor(organizationId, subject).map((address) =>
        readAddress(this.#reader, address, subject, now),
      ),
    );
    const subscribers = new Map<string, Subscriber>();
    const groups = new Map<string, Subscriber[]>();
    for (const { pattern, group, ...subscriber } of parts.flatMap(({ found }) => found)) {
      if (!matchesSubject(pattern, subject)) continue;
      if (group === undefined) subscribers.set(subscriber.connectionId, subscriber);
      else groups.set(group, [...(groups.get(group) ?? []), subscriber]);
    }
    const most = [...groups].slice(0, LIMITS.groups);
    return {
      subscribers: [...subscribers.values()],
      groups: new Map(most),
      complete: parts.every(({ complete }) => complete) && most.length === groups.size,
    };
  }

  #of(connectionId: string) {
    return {
      TableName: this.tableName,
      IndexName: SUBSCRIPTIONS_BY_CONNECTION,
      KeyConditionExpression: "connectionId = :connectionId",
      ExpressionAttributeValues: { ":connectionId": { S: connectionId } },
    };
  }
}

/** When what is stored of a connection has no more use, in epoch seconds. */
export const ttlOf = (connectedAt: number, registeredUntil = Number.POSITIVE_INFINITY) =>
  Math.floor(
    Math.min(connectedAt + LIMITS.connectionDurationMs + MARGIN_MS, registeredUntil) / 1000,
  );

function keyOf({
  organizationId,
  agentId,
  instanceId,
  connectionId,
  pattern,
  group,
}: SubscriptionKey): Item {
  const member =
    group === undefined ? undefined : { group, slot: processSlot(agentId, instanceId) };
  return {
    address: { S: addressOf(organizationId, pattern) },
    subscriber: { S: subscriberOf(connectionId, pattern, member) },
  };
}

/** Spreads processes evenly, so that those behind a random slot are drawn at random. */
export const processSlot = (agentId: string, instanceId: string) =>
  createHash("sha256").update(`${agentId}#${instanceId}`).digest("hex").slice(0, 8);

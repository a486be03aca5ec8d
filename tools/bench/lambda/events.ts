/** Generates the functions' events, and the table rows that they need. */

import { marshall } from "@aws-sdk/util-dynamodb";
import { EVENT_DETAIL_TYPES, EVENT_SOURCE } from "../../../core/events";
import { audienceOf } from "../../../core/login-claims";
import { LeaseStore } from "../../../lambda/lease/store";
import { SubscriptionStore } from "../../../lambda/messaging/subscriptions";
import type { Engine } from "../../../testing/engine";
import { loginClaims, putAgent, signToken, testKey } from "../../../testing/login";
import { holder, routeEvent, storedRow } from "../../../testing/presence";

const URL = "wss://abc123.execute-api.eu-west-1.amazonaws.com/prod";
const HOST = new globalThis.URL(URL).host;
const CONNECTED_MS = 60_000;
/** Longer than any measurement, so that each sweep finds the same. */
const LEASE_MS = 3 * 3_600_000;

export const FUNCTIONS = [
  "heartbeat",
  "authorize",
  "connect",
  "disconnect",
  "profile",
  "subscribe",
  "unsubscribe",
  "publish",
  "list",
  "history",
  "deliver",
  "transitions",
  "sweep",
] as const;

export type FunctionName = (typeof FUNCTIONS)[number];

/**
 * Generates events of a function, each for a different agent, so that no rate limit is reached.
 * Writes the table rows that the events need.
 */
export class Events {
  readonly #leases: LeaseStore;
  readonly #subscriptions: SubscriptionStore;
  #serial = 0;

  /** @param now the time of every event, in epoch milliseconds */
  constructor(
    private readonly engine: Engine,
    private readonly now: number,
  ) {
    const { client, statusTableName: tableName, subscriptionsTableName } = engine;
    this.#leases = new LeaseStore({ client, tableName, retentionMs: 86_400_000 });
    this.#subscriptions = new SubscriptionStore(client, subscriptionsTableName);
  }

  async of(name: FunctionName, count: number): Promise<unknown[]> {
    const events: unknown[] = [];
    for (let index = 0; index < count; index++) events.push(await this.#makers[name]());
    return events;
  }

  readonly #makers: Record<FunctionName, () => Promise<unknown>> = {
    heartbeat: async () => this.#route(await this.#online(), HEARTBEAT),
    authorize: () => this.#login(),
    connect: async () => this.#route(await this.#registered(), undefined),
    disconnect: async () => this.#route(await this.#online(), undefined),
    profile: async () =>
      this.#route(await this.#registered(), {
        type: "profile",
        capabilities: ["summarize", "translate"],
        metadata: { version: "1.4.2" },
      }),
    subscribe: async () => this.#route(this.#name(), SUBSCRIBE),
    unsubscribe: async () =>
      this.#route(await this.#subscribed("tasks.process"), { ...SUBSCRIBE, type: "unsubscribe" }),
    publish: async () => {
      const subject = `tasks.of-${this.#serial}`;
      await this.#subscribed(subject);
      return this.#route(this.#name(), { type: "publish", subject, data: { task: 1 } });
    },
    list: async () => {
      // One hundred agents, created once, since the page is only read.
      if (this.#serial === 0) for (let index = 0; index < 100; index++) await this.#online();
      return this.#route(this.#name(), { type: "list" });
    },
    history: async () => this.#route(this.#name(), { type: "history", agentId: "agent-0" }),
    deliver: async () => ({
      id: `event-${this.#serial}`,
      source: "orders",
      "detail-type": EVENT_DETAIL_TYPES.message,
      time: new Date(this.now).toISOString(),
      detail: { organizationId: "acme", agentId: await this.#online(), data: { task: 1 } },
    }),
    transitions: async () => {
      const { client, statusTableName } = this.engine;
      const row = await storedRow(
        client,
        statusTableName,
        holder({ agentId: await this.#online() }),
      );
      const NewImage = marshall(row ?? {}, { removeUndefinedValues: true });
      return {
        Records: [
          {
            eventID: `${this.#serial}`,
            eventSource: EVENT_SOURCE,
            dynamodb: { SequenceNumber: "1", NewImage },
          },
        ],
      };
    },
    sweep: async () => {
      if (this.#serial === 0) for (let index = 0; index < 100; index++) await this.#online();
      return {};
    },
  };

  #name(): string {
    return `agent-${this.#serial++}`;
  }

  async #online(): Promise<string> {
    const agentId = this.#name();
    await this.#leases.acquire(
      holder({
        agentId,
        connectionId: `C-${agentId}=`,
        connectedAt: this.now - CONNECTED_MS,
        leaseMs: LEASE_MS,
      }),
      this.now - CONNECTED_MS / 2,
    );
    return agentId;
  }

  async #registered(): Promise<string> {
    const agentId = this.#name();
    const { client, registryTableName } = this.engine;
    await putAgent(client, registryTableName, [await KEY], { agentId });
    return agentId;
  }

  async #subscribed(subject: string): Promise<string> {
    const agentId = this.#name();
    await this.#subscriptions.add({
      ...holder({ agentId, connectionId: `C-${agentId}=`, connectedAt: this.now }),
      pattern: subject,
    });
    return agentId;
  }

  async #login(): Promise<unknown> {
    const agentId = await this.#registered();
    const claims = loginClaims(audienceOf(URL), this.now, { iss: agentId, sub: agentId });
    const token = await signToken(await KEY, claims);
    return {
      methodArn: "arn:aws:execute-api:eu-west-1:000000000000:abc123/prod/$connect",
      headers: { "Sec-WebSocket-Protocol": `agent-heartbeat.v1, ${token}` },
      requestContext: { domainName: HOST, stage: "prod", requestTimeEpoch: this.now },
    };
  }

  #route(agentId: string, body: object | undefined): unknown {
    const connectedAt = this.now - CONNECTED_MS;
    const context = { connectionId: `C-${agentId}=`, connectedAt, requestTimeEpoch: this.now };
    return routeEvent(context, body, { agentId });
  }
}

const KEY = testKey("ES256");

const SUBSCRIBE = { type: "subscribe", subject: "tasks.process" };

const HEARTBEAT = {
  type: "heartbeat",
  activity: { state: "working", task: "tasks.process", inFlight: 1 },
};

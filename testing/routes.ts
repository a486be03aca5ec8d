/** All message routes with their real handlers, with the test's engine and connections. */

import { StatusReader, type StatusReaderOptions } from "@agent-heartbeat/sdk/status";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { fallbackHandler } from "../lambda/fallback/handler";
import { heartbeatHandler } from "../lambda/heartbeat/handler";
import { historyHandler } from "../lambda/history/handler";
import { HistoryStore } from "../lambda/history/store";
import { LeaseStore } from "../lambda/lease/store";
import { listHandler } from "../lambda/list/handler";
import { dynamoDbAgentLocator } from "../lambda/messaging/agent-locator";
import { CapableAgents } from "../lambda/messaging/capable-agents";
import { MessageRouter } from "../lambda/messaging/message-router";
import { OpenRequests } from "../lambda/messaging/open-requests";
import { SubscriptionStore } from "../lambda/messaging/subscriptions";
import { profileHandler } from "../lambda/profile/handler";
import { ProfileStore } from "../lambda/profile/store";
import { publishHandler } from "../lambda/publish/handler";
import type { Connections } from "../lambda/shared/connections";
import { dynamoDbGuard, type Guard } from "../lambda/shared/guard";
import type { CountedDependencies, RouteDependencies } from "../lambda/shared/message-route";
import { SenderRates } from "../lambda/shared/sender-rates";
import { subscribeHandler, unsubscribeHandler } from "../lambda/subscribe/handler";
import type { Engine } from "./engine";
import { LogRecorder, MetricsRecorder, OPEN_GUARD, OPEN_RATES } from "./presence";

export interface RouteParts extends RouteDependencies {
  /** @default a count in the table */
  rates?: CountedDependencies["rates"];
  /** The engine's client, instrumented as needed. */
  client: DynamoDBClient;
  engine: Pick<Engine, "statusTableName" | "registryTableName" | "subscriptionsTableName">;
  connections: Connections;
  /** @default a guard that reads the table */
  guard?: Guard;
  /** Draws the members of groups, from 0 to below 1. @default Math.random */
  random?: () => number;
  /** The clock by which posting ends. @default performance.now */
  monotonic?: () => number;
  /** Options for lists and histories, in addition to the table. */
  reader?: Partial<StatusReaderOptions>;
}

/** The same with a guard that accepts every sender, and without limits. What it logs and counts is of no interest. */
export const composeOpenRoutes = (parts: Omit<RouteParts, "log" | "metrics">) =>
  composeRoutes({
    log: new LogRecorder(),
    metrics: new MetricsRecorder().sink,
    guard: OPEN_GUARD,
    rates: OPEN_RATES,
    ...parts,
  });

/** The handlers by message type, and their shared parts. */
export function composeRoutes({ client, engine, reader, guard: given, ...rest }: RouteParts) {
  const { statusTableName, registryTableName, subscriptionsTableName } = engine;
  const rates = rest.rates ?? new SenderRates(client, subscriptionsTableName);
  const route = { ...rest, rates };
  const leases = new LeaseStore({
    client,
    tableName: statusTableName,
    retentionMs: 7 * 86_400_000,
  });
  const subscriptions = new SubscriptionStore(client, subscriptionsTableName, rest.random);
  const capable = new CapableAgents(client, subscriptionsTableName, rest.random);
  const agents = dynamoDbAgentLocator(client, statusTableName);
  const requests = new OpenRequests(client, subscriptionsTableName);
  const guard = given ?? dynamoDbGuard(client, statusTableName);
  const messageRouter = new MessageRouter({
    subscriptions,
    capable,
    agents,
    requests,
    ...route,
  });
  const profiles = new ProfileStore(client, registryTableName);
  const history = new HistoryStore(client, registryTableName);
  const statuses = new StatusReader({
    client,
    tableName: statusTableName,
    registryTableName,
    consistent: true,
    ...reader,
  });
  const heartbeat = heartbeatHandler({ leases, ...route });
  return {
    leases,
    subscriptions,
    messageRouter,
    requests,
    profiles,
    capable,
    history,
    guard,
    log: rest.log,
    routes: {
      heartbeat,
      heartbeat_quiet: heartbeat,
      profile: profileHandler({ profiles, capable, agents, guard, ...route }),
      subscribe: subscribeHandler({ subscriptions, guard, ...route }),
      unsubscribe: unsubscribeHandler({ subscriptions, ...route }),
      publish: publishHandler({ messageRouter, requests, guard, newId: () => "message", ...route }),
      list: listHandler({ statuses, guard, ...route }),
      history: historyHandler({ statuses, guard, ...route }),
      $default: fallbackHandler(route),
    },
  };
}

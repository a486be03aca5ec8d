/** The functions, composed as in the stack, on a real engine, with a meter on everything they call. */

import { StatusReader } from "@agent-heartbeat/sdk/status";
import { dynamoDbLoginRegistry } from "../../lambda/auth/login-registry";
import { ReconnectAdvice } from "../../lambda/auth/reconnect-advice";
import { authorizeHandler } from "../../lambda/authorize";
import { connectHandler } from "../../lambda/connect";
import { disconnectHandler } from "../../lambda/disconnect";
import { heartbeatHandler } from "../../lambda/heartbeat";
import { HistoryStore } from "../../lambda/history/store";
import { FleetCountStore } from "../../lambda/lease/fleet-count";
import { LeaseStore } from "../../lambda/lease/store";
import { listHandler } from "../../lambda/list";
import { dynamoDbAgentLocator } from "../../lambda/messaging/agent-locator";
import { PostOffice } from "../../lambda/messaging/post-office";
import { SubscriptionStore } from "../../lambda/messaging/subscriptions";
import { ProfileStore } from "../../lambda/profile/store";
import { publishHandler } from "../../lambda/publish";
import type { Connections } from "../../lambda/shared/connections";
import { subscribeHandler } from "../../lambda/subscribe";
import { sweepHandler } from "../../lambda/sweep";
import { dynamoDbRounds } from "../../lambda/sweep/rounds";
import { dynamoDbLeaseScan } from "../../lambda/sweep/scan";
import { transitionsHandler } from "../../lambda/transitions";
import { clientOf, type Engine } from "../../test/support/engine";
import { DEFAULT_TERMS } from "../../test/support/login";
import type { Meter } from "./meter";

/** As in the stack. */
const SEGMENTS = 4;

export function composeService(engine: Engine, meter: Meter, now: () => number) {
  const client = meter.watch(clientOf(engine.endpoint));
  const { statusTableName, registryTableName, subscriptionsTableName } = engine;
  const leases = new LeaseStore({
    client,
    tableName: statusTableName,
    retentionMs: 7 * 86_400_000,
  });
  const registry = dynamoDbLoginRegistry(client, registryTableName);
  const fleet = new FleetCountStore(client, registryTableName);
  const subscriptions = new SubscriptionStore(client, subscriptionsTableName);
  const connections: Connections = {
    post: async () => {
      meter.add({ connectionCalls: 1, messagesOut: 1 });
      return "done";
    },
    close: async () => {
      meter.add({ connectionCalls: 1 });
      return "done";
    },
  };
  const { log } = meter;
  const postOffice = new PostOffice({
    subscriptions,
    agents: dynamoDbAgentLocator(client, statusTableName),
    connections,
    log,
  });
  const route = { log, metrics: meter.metrics() };
  const profiles = new ProfileStore(client, registryTableName);
  return {
    leases,
    close: () => client.destroy(),
    authorize: authorizeHandler({
      registry,
      advice: new ReconnectAdvice({
        fleet,
        connectsPerSecond: 500,
        maxWindowMs: 3_600_000,
        log,
      }),
      terms: DEFAULT_TERMS,
      ...route,
    }),
    connect: connectHandler({ leases, registry }),
    heartbeat: heartbeatHandler({ leases, connections, ...route }),
    disconnect: disconnectHandler({ leases, subscriptions }),
    subscribe: subscribeHandler({ subscriptions, ...route }),
    publish: publishHandler({ postOffice, newId: () => "message", ...route }),
    list: listHandler({
      statuses: new StatusReader({
        client,
        tableName: statusTableName,
        consistent: true,
        now,
        correctClock: false,
      }),
      profiles,
      ...route,
    }),
    sweep: sweepHandler({
      leases,
      scan: dynamoDbLeaseScan(client, statusTableName, SEGMENTS),
      rounds: dynamoDbRounds(client, registryTableName, SEGMENTS),
      fleet,
      connections,
      clock: now,
      reserveMs: 1000,
      ...route,
    }),
    transitions: transitionsHandler({
      events: {
        send: async ({ input }: { input: { Entries: unknown[] } }) => {
          meter.add({ busEvents: input.Entries.length });
          return { Entries: input.Entries.map(() => ({ EventId: "event" })) };
        },
      } as never,
      eventBusName: "bus",
      connections,
      postOffice,
      history: new HistoryStore(client, registryTableName),
      count: meter.count,
      clock: now,
      log,
    }),
  };
}

export type Service = ReturnType<typeof composeService>;

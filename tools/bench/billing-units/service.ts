/** The functions composed as in the stack, with a real engine and a meter on all their calls. */

import { authorizeHandler } from "../../../lambda/authorize/handler";
import { ReconnectAdvice } from "../../../lambda/authorize/reconnect-advice";
import { dynamoDbLoginRegistry } from "../../../lambda/authorize/store";
import { connectHandler } from "../../../lambda/connect/handler";
import { disconnectHandler } from "../../../lambda/disconnect/handler";
import { dynamoDbEnrolmentStore } from "../../../lambda/enrol/store";
import { enrolRoutes } from "../../../lambda/http/enrol";
import { heartbeatRoutes } from "../../../lambda/http/heartbeat";
import { pingRoutes } from "../../../lambda/http/ping";
import { router } from "../../../lambda/http/router";
import type { Connections } from "../../../lambda/shared/connections";
import { FleetCountStore } from "../../../lambda/shared/fleet-size";
import type { Guard } from "../../../lambda/shared/guard";
import { sweepHandler } from "../../../lambda/sweep/handler";
import { dynamoDbLeaseScan } from "../../../lambda/sweep/scan";
import { dynamoDbScanCheckpoints } from "../../../lambda/sweep/scan-checkpoints";
import { createSelfPreservation } from "../../../lambda/sweep/self-preservation";
import { SelfPreservationStore } from "../../../lambda/sweep/self-preservation-store";
import { TrendStore } from "../../../lambda/sweep/trend-store";
import { transitionsHandler } from "../../../lambda/transitions/handler";
import { lostRequests } from "../../../lambda/transitions/lost-requests";
import { clientOf, type Engine } from "../../../testing/engine";
import { DEFAULT_TERMS } from "../../../testing/login";
import { composeRoutes } from "../../../testing/routes";
import type { Meter } from "./meter";

/** The same values as in the stack. */
const SEGMENTS = 4;

export function composeService(engine: Engine, meter: Meter, now: () => number, guard?: Guard) {
  const client = meter.watch(clientOf(engine.endpoint));
  const { statusTableName, registryTableName } = engine;
  const registry = dynamoDbLoginRegistry({ client, registryTableName, statusTableName });
  const fleet = new FleetCountStore(client, registryTableName);
  const connections: Connections = {
    post: async () => {
      meter.add({ connectionCalls: 1, messagesOut: 1 });
      return "done";
    },
    close: async () => {
      meter.add({ connectionCalls: 1 });
      return "done";
    },
    lastActiveAt: async () => {
      meter.add({ connectionCalls: 1 });
      return "gone";
    },
  };
  const { log } = meter;
  const route = { log, metrics: meter.metrics() };
  const reader = { now, correctClock: false };
  // The same members of a group each time.
  const random = () => 0.5;
  const parts = { client, engine, connections, reader, random, ...route, ...(guard && { guard }) };
  const composed = composeRoutes(parts);
  const { leases, subscriptions, messageRouter, requests, history, routes } = composed;
  return {
    ...routes,
    leases,
    capable: composed.capable,
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
    http: router(
      {
        ...heartbeatRoutes({ registry, terms: DEFAULT_TERMS, leases, ...route }),
        ...pingRoutes({ registry, leases, ...route }),
        ...enrolRoutes({
          enrolments: dynamoDbEnrolmentStore({ client, registryTableName, statusTableName }),
          ask: async () => ({ outcome: "unavailable", reason: "there is no STS" }),
          ...route,
        }),
      },
      route,
    ),
    connect: connectHandler({ ...composed, log }),
    disconnect: disconnectHandler({ leases, subscriptions }),
    sweep: sweepHandler({
      leases,
      scan: dynamoDbLeaseScan(client, statusTableName, SEGMENTS),
      checkpoints: dynamoDbScanCheckpoints(client, registryTableName, SEGMENTS),
      // As if no sweep had counted before: each stores the counts of its organization.
      fleet: { put: async (count) => void (await fleet.put(count)) as undefined },
      trends: new TrendStore({ client, registryTableName }),
      selfPreservation: createSelfPreservation({
        terms: { share: 0.5, minimum: 20, holdMs: 300_000 },
        store: new SelfPreservationStore(client, registryTableName),
        connections,
        publish: async () => meter.add({ busEvents: 1 }),
        log,
      }),
      connections,
      clock: now,
      scanReserveMs: 1000,
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
      messageRouter,
      answerFor: lostRequests({ requests, messageRouter, clock: now, log }),
      subscriptions,
      history,
      count: meter.count,
      clock: now,
      log,
    }),
  };
}

export type Service = ReturnType<typeof composeService>;

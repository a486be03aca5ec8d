/** The last transitions of an agent, against the real engine. */

import { StatusReader } from "@agent-heartbeat/sdk/status";
import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Transition } from "../../../core/presence";
import { historyHandler } from "../../../lambda/history/handler";
import { HistoryStore } from "../../../lambda/history/store";
import { TrendStore } from "../../../lambda/sweep/trend-store";
import { clientOf, type Engine, startEngine } from "../../../testing/engine";
import { keep } from "../../../testing/history";
import {
  ConnectionsRecorder,
  LogRecorder,
  MetricsRecorder,
  OPEN_GUARD,
  OPEN_RATES,
  routeEvent,
} from "../../../testing/presence";
import { onlineRow, putRows } from "../../../testing/status-rows";

const BEGIN = 1_790_000_000_000;

describe("the history", () => {
  let engine: Engine;
  let store: HistoryStore;
  let history: ReturnType<typeof historyHandler>;
  beforeAll(async () => {
    engine = await startEngine();
    store = new HistoryStore(engine.client, engine.registryTableName);
    history = historyHandler({
      statuses: new StatusReader({
        client: engine.client,
        tableName: engine.statusTableName,
        registryTableName: engine.registryTableName,
        correctClock: false,
        now: () => BEGIN + 1000,
      }),
      guard: OPEN_GUARD,
      rates: OPEN_RATES,
      log: new LogRecorder(),
      connections: new ConnectionsRecorder(),
      metrics: new MetricsRecorder().sink,
    });
  });
  afterAll(() => engine.stop());

  const add = (agentId: string, number: number, organizationId = "acme") =>
    keep(store, {
      transitionId: `t${number}`,
      organizationId,
      agentId,
      event: number % 2 ? "offline" : "online",
      reason: number % 2 ? "connection_lost" : "connected",
      at: BEGIN + number,
      connectionId: "A=",
      instanceId: "process-a",
    } as Transition);
  const ask = async (agentId: unknown) => {
    const { body = "null" } = await history(routeEvent({}, { type: "history", agentId, id: "h1" }));
    return JSON.parse(body);
  };

  it("has an agent's last fifty transitions, newest first, and no other agent's", async () => {
    for (let number = 0; number < 63; number++) await add("flapping", number);
    await add("flapping-2", 99);
    await add("flapping", 99, "other");
    const { transitions, ...rest } = await ask("flapping");
    expect(rest).toEqual({ type: "history", agentId: "flapping", id: "h1" });
    const expected = Array.from({ length: 50 }, (_, index) => `t${62 - index}`);
    expect(transitions.map((one: Transition) => one.transitionId)).toEqual(expected);
    expect(transitions[0]).toEqual({
      transitionId: "t62",
      event: "online",
      reason: "connected",
      at: BEGIN + 62,
      connectionId: "A=",
      instanceId: "process-a",
    });
  });

  it("has a transition once that was added twice", async () => {
    await add("repeated", 1);
    await add("repeated", 1);
    expect((await ask("repeated")).transitions).toHaveLength(1);
  });

  it("has the end of a lease that the sweep has not stored yet, once", async () => {
    await add("silent", 2);
    const row = onlineRow(BEGIN - 90_000 + 500, { agentId: "silent" });
    await putRows(engine.client, engine.statusTableName, [row]);
    const end = { event: "offline", reason: "lease_expired", at: BEGIN + 500, connectionId: "A=" };
    const { transitions } = await ask("silent");
    expect(transitions).toMatchObject([end, { transitionId: "t2" }]);
    // The sweep stores the same end.
    const stored = { ...transitions[0], organizationId: "acme", agentId: "silent" };
    await keep(store, { ...stored, transitionId: "swept" });
    expect((await ask("silent")).transitions).toMatchObject([
      { ...end, transitionId: "swept" },
      { transitionId: "t2" },
    ]);
  });

  it("has what was stored before histories had partitions of their own", async () => {
    await add("moved", 2);
    const record = { transitionId: "t1", event: "online", reason: "connected", at: 1 };
    await engine.client.send(
      new PutItemCommand({
        TableName: engine.registryTableName,
        Item: marshall({
          organizationId: "acme",
          recordId: "history#moved#00",
          record,
          ttlEpochSeconds: 4_000_000_000,
        }),
      }),
    );
    const { transitions } = await ask("moved");
    expect(transitions.map((one: Transition) => one.transitionId)).toEqual(["t2", "t1"]);
  });

  describe("of a change that is read again", () => {
    const transition = (agentId: string) =>
      ({ transitionId: "t", organizationId: "acme", agentId, at: 1_790_000_000_000 }) as Transition;
    const at = (sequenceNumber: string, stream = "arn:one") => ({ stream, sequenceNumber });

    it("is claimed by one run of all, and by none after a later change", async () => {
      const claims = await Promise.all(
        Array.from({ length: 8 }, () => store.claim(transition("again"), at("9"))),
      );
      expect(claims.filter((count) => count !== undefined)).toEqual([0]);
      expect(await store.claim(transition("again"), at("10"))).toBe(1);
      expect(await store.claim(transition("again"), at("9"))).toBeUndefined();
    });

    it("is claimed again in another stream, as after a restore", async () => {
      await store.claim(transition("restored"), at("100"));
      expect(await store.claim(transition("restored"), at("5", "arn:two"))).toBe(1);
    });

    it("is claimed by the run whose answer was lost and that wrote again", async () => {
      const client = clientOf(engine.endpoint);
      client.middlewareStack.add(
        (next) => async (args) => {
          await next(args);
          return next(args);
        },
        { step: "finalizeRequest" },
      );
      const repeating = new HistoryStore(client, engine.registryTableName);
      expect(await repeating.claim(transition("lost"), at("1"))).toBe(0);
      client.destroy();
    });
  });

  it("of no agent has the counts of the organization", async () => {
    const { client, registryTableName } = engine;
    const counts = { online: 2, stalled: 1, overdue: 0 };
    await new TrendStore({ client, registryTableName }).put(new Map([["acme", counts]]), BEGIN);
    expect(await ask(undefined)).toEqual({
      type: "history",
      transitions: [],
      counts: [{ at: BEGIN, ...counts }],
      id: "h1",
    });
  });

  it("is empty for an unknown agent, and refused for an invalid agent id", async () => {
    expect(await ask("nobody")).toMatchObject({ transitions: [] });
    expect(await ask("a#b")).toMatchObject({ type: "error", code: "invalid_message" });
  });
});

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { LIMITS } from "../../../core/limits";
import { heartbeatHandler } from "../../../lambda/heartbeat/handler";
import { LeaseStore } from "../../../lambda/lease/store";
import { revoke } from "../../../sdk/src/registry/revocation";
import { DynamoDbClock } from "../../../sdk/src/status/dynamodb-clock";
import { clientOf, type Engine, startEngine } from "../../../testing/engine";
import {
  ConnectionsRecorder,
  holder,
  LogRecorder,
  MetricsRecorder,
  routeEvent,
  storedRow,
} from "../../../testing/presence";

describe("heartbeat", () => {
  let engine: Engine;
  let leases: LeaseStore;
  let heartbeat: ReturnType<typeof heartbeatHandler>;
  let connections: ConnectionsRecorder;
  let metrics: MetricsRecorder;
  let agentId: string;
  let count = 0;
  beforeAll(async () => {
    engine = await startEngine();
  });
  beforeEach(() => {
    count += 1;
    agentId = `agent-${count}`;
    connections = new ConnectionsRecorder();
    metrics = new MetricsRecorder();
    [leases, heartbeat] = compose(engine.client);
  });
  const connected = () => leases.acquire(holder({ agentId }), 1000);
  afterAll(() => engine.stop());

  function compose(client: DynamoDBClient) {
    const store = new LeaseStore({
      client,
      tableName: engine.statusTableName,
      retentionMs: 86_400_000,
    });
    const handler = heartbeatHandler({
      leases: store,
      connections,
      log: new LogRecorder(),
      metrics: metrics.sink,
    });
    return [store, handler] as const;
  }

  const sendHeartbeat = async (body: unknown, at = 5000, owner = {}, context = {}) => {
    const event = routeEvent({ requestTimeEpoch: at, ...context }, body, { agentId, ...owner });
    const result = await heartbeat(event);
    return result.body === undefined ? undefined : JSON.parse(result.body);
  };
  const row = () =>
    storedRow(engine.client, engine.statusTableName, { organizationId: "acme", agentId });

  it("is acknowledged with the server's time and the new end of the lease", async () => {
    await connected();
    expect(await sendHeartbeat({ type: "heartbeat" })).toEqual({
      type: "heartbeat_ack",
      serverTime: 5000,
      leaseExpiresAt: 95_000,
    });
  });

  it("is acknowledged with a fencing token where the lease was renewed by a later clock", async () => {
    await connected();
    await sendHeartbeat({ type: "heartbeat" }, 6000);
    expect(await sendHeartbeat({ type: "heartbeat" })).toMatchObject({
      serverTime: 5000,
      fencingToken: 6000,
    });
  });

  it("costs one write unit, no read unit, and no other call, with or without an activity", async () => {
    const client = clientOf(engine.endpoint);
    const calls: unknown[] = [];
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          Object.assign(args.input, { ReturnConsumedCapacity: "INDEXES" });
          const { output } = (await next(args)) as { output: { ConsumedCapacity?: object } };
          calls.push([commandName, output.ConsumedCapacity]);
          return { output, response: undefined } as never;
        },
      { step: "initialize" },
    );
    [leases, heartbeat] = compose(client);
    await leases.acquire(holder({ agentId }), 1000);
    calls.length = 0;
    await sendHeartbeat({ type: "heartbeat" });
    const activity = { state: "working", task: "tasks.process", startedAt: 1, progressAt: 2 };
    await sendHeartbeat({ type: "heartbeat", activity }, 35_000);
    client.destroy();
    const one = {
      TableName: engine.statusTableName,
      CapacityUnits: 1,
      Table: { CapacityUnits: 1 },
    };
    expect(calls).toEqual([
      ["UpdateItemCommand", expect.objectContaining(one)],
      ["UpdateItemCommand", expect.objectContaining(one)],
    ]);
    for (const call of calls) expect(JSON.stringify(call)).not.toContain("ReadCapacityUnits");
  });

  it("is not acknowledged if it is quiet", async () => {
    await connected();
    const routeKey = "heartbeat_quiet";
    expect(await sendHeartbeat({ type: routeKey }, 5000, {}, { routeKey })).toBeUndefined();
    expect(await row()).toMatchObject({ lastHeartbeatAt: 5000 });
    expect(connections.calls).toEqual([]);
  });

  it("has its error posted if it is quiet, because its route has no response", async () => {
    const routeKey = "heartbeat_quiet";
    const wrong = { type: routeKey, id: "h1", activity: 1 };
    expect(await sendHeartbeat(wrong, 5000, {}, { routeKey })).toBeUndefined();
    expect(connections.calls).toMatchObject([
      ["post", "A=", { type: "error", code: "invalid_message", id: "h1" }],
    ]);
  });

  it("is acknowledged with its id, and with the interval if it differs from the requested one", async () => {
    await connected();
    const answer = await sendHeartbeat({ type: "heartbeat", id: "h1" }, 5000, {
      intervalAdvised: true,
    });
    expect(answer).toMatchObject({ id: "h1", heartbeatInterval: 30 });
  });

  it("is acknowledged with the reconnect window of its login", async () => {
    await connected();
    const ack = await sendHeartbeat({ type: "heartbeat" }, 5000, { reconnectWindowMs: 22_000 });
    expect(ack).toMatchObject({ reconnectWindowMs: 22_000 });
    expect(await sendHeartbeat({ type: "heartbeat" }, 6000)).not.toHaveProperty(
      "reconnectWindowMs",
    );
  });

  const superseder = () =>
    holder({ agentId, connectionId: "B=", connectedAt: 2000, instanceId: "process-b" });

  it("of a superseded process is answered with superseded, and its connection stays open", async () => {
    await leases.acquire(holder({ agentId }), 1000);
    await leases.acquire(superseder(), 2000);
    for (const id of ["h1", "h2"]) {
      expect(await sendHeartbeat({ type: "heartbeat", id })).toEqual({ type: "superseded", id });
    }
    expect(connections.calls).toEqual([]);
    expect(await row()).toMatchObject({ connectionId: "B=", lastHeartbeatAt: 2000 });
  });

  it("of a superseded process after its grace period is answered with superseded, and its connection is closed", async () => {
    await leases.acquire(holder({ agentId }), 1000);
    await leases.acquire(superseder(), 2000);
    const over = 2000 + LIMITS.supersededGraceMs;
    expect(await sendHeartbeat({ type: "heartbeat", id: "h2" }, over)).toBeUndefined();
    expect(connections.calls).toEqual([
      ["post", "A=", { type: "superseded", id: "h2" }],
      ["close", "A="],
    ]);
  });

  it("of a connection that its own process has replaced closes it without a message", async () => {
    await leases.acquire(holder({ agentId }), 1000);
    await leases.acquire(holder({ agentId, connectionId: "B=", connectedAt: 2000 }), 2000);
    expect(await sendHeartbeat({ type: "heartbeat" })).toBeUndefined();
    expect(connections.calls).toEqual([["close", "A="]]);
  });

  it("of either of two connections of a process renews the lease", async () => {
    await leases.acquire(holder({ agentId }), 1000);
    const second = { agentId, connectionId: "B=", connectedAt: 2000, rotation: true };
    await leases.acquire(holder(second), 2000);
    expect(await sendHeartbeat({ type: "heartbeat" })).toMatchObject({ leaseExpiresAt: 95_000 });
    expect(
      await sendHeartbeat({ type: "heartbeat" }, 6000, {}, { connectionId: "B=" }),
    ).toMatchObject({
      leaseExpiresAt: 96_000,
    });
  });

  it("of a revoked agent is answered with revoked, and its connection is closed", async () => {
    await leases.acquire(holder({ agentId }), 1000);
    const clock = new DynamoDbClock(() => 2000);
    const { client, statusTableName: tableName } = engine;
    await revoke({ client, tableName, clock }, { organizationId: "acme", agentId }, 2000);
    expect(await sendHeartbeat({ type: "heartbeat" })).toBeUndefined();
    expect(connections.calls).toEqual([
      ["post", "A=", expect.objectContaining({ type: "error", code: "revoked" })],
      ["close", "A="],
    ]);
  });

  it("that arrives after its connection's end has no effect", async () => {
    await leases.acquire(holder({ agentId }), 1000);
    await leases.release(holder({ agentId }), 6000, "client_closed");
    expect(await sendHeartbeat({ type: "heartbeat" })).toBeUndefined();
    expect(await row()).toMatchObject({ status: "offline" });
  });

  it("of a viewer writes nothing", async () => {
    expect(await sendHeartbeat({ type: "heartbeat" }, 5000, { role: "viewer" })).toMatchObject({
      type: "heartbeat_ack",
    });
    expect(await row()).toBeUndefined();
  });

  it.each([
    ['{"type":"heartbeat","id":7}', "invalid_message", "id: expected string, got 7"],
    [
      '{"type":"heartbeat","activity":{"state":"asleep"}}',
      "invalid_message",
      'activity.state: expected ("idle" | "working" | "blocked" | "draining"), got "asleep"',
    ],
    ['{"type":"heartbeat","activity":[]}', "invalid_message", "activity.state is missing"],
    [
      `{"type":"heartbeat","activity":{"state":"idle","task":"${"x".repeat(65)}"}}`,
      "invalid_message",
      "activity.task: expected <=64, got 65",
    ],
  ])("that is malformed is answered with what was expected: %s", async (body, code, message) => {
    expect(await sendHeartbeat(body)).toEqual({ type: "error", code, message });
    expect(await row()).toBeUndefined();
  });

  it("is answered with internal, logged and counted if the table fails", async () => {
    const broken = clientOf("http://127.0.0.1:1");
    [leases, heartbeat] = compose(broken);
    expect(await sendHeartbeat({ type: "heartbeat" })).toMatchObject({
      type: "error",
      code: "internal",
    });
    broken.destroy();
    expect(metrics.counts).toEqual({ RouteFailures: 1 });
  });
});

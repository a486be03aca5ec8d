/** The heartbeat without a function does what the function does, but for what docs/direct-heartbeats.md names. */

import type { HeartbeatMessage } from "@agent-heartbeat/sdk/protocol";
import type { StatusRow } from "@agent-heartbeat/sdk/status";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { heartbeatHandler } from "../../lambda/heartbeat/handler";
import { mayHold } from "../../lambda/lease/conditions";
import { LeaseStore } from "../../lambda/lease/store";
import { holdUpdate } from "../../lambda/lease/updates";
import type { Identity } from "../../lambda/shared/identity";
import { openWire } from "../../local/aws/engine/wire";
import { type DirectHeartbeat, directHeartbeat } from "../../testing/direct-heartbeat";
import { type Engine, startEngine } from "../../testing/engine";
import {
  ConnectionsRecorder,
  holder,
  LogRecorder,
  MetricsRecorder,
  routeEvent,
  storedRow,
} from "../../testing/presence";

const RETENTION_MS = 86_400_000;

describe("a heartbeat without a function", () => {
  let engine: Engine;
  let direct: DirectHeartbeat;
  let leases: LeaseStore;
  let agentId: string;
  let count = 0;
  beforeAll(async () => {
    engine = await startEngine();
    direct = directHeartbeat(engine, RETENTION_MS);
    leases = new LeaseStore({
      client: engine.client,
      tableName: engine.statusTableName,
      retentionMs: RETENTION_MS,
    });
  });
  beforeEach(() => {
    count += 1;
    agentId = `agent-${count}`;
  });
  afterAll(async () => {
    direct.close();
    await engine.stop();
  });

  const beat = (body: unknown, at = 5000, owner: Partial<Identity> = {}, context = {}) =>
    direct.beat(routeEvent({ requestTimeEpoch: at, ...context }, body, { agentId, ...owner }));
  const rowOf = (id: string) =>
    storedRow(engine.client, engine.statusTableName, { organizationId: "acme", agentId: id });
  const row = () => rowOf(agentId);

  describe("writes under the store's own texts", () => {
    const activity = { state: "working", maxSilenceMs: 1000 };
    it.each([
      ["alone", {}, [], ["activity", "stallsAt", "messageId"]],
      ["with an id", { id: "h" }, ["messageId"], ["activity", "stallsAt"]],
      ["that is idle", { activity: { state: "idle" } }, ["activity"], ["stallsAt", "messageId"]],
      ["that works", { activity }, ["activity", "stallsAt"], ["messageId"]],
      ["with everything", { activity, id: "h" }, ["activity", "stallsAt", "messageId"], []],
    ])("%s", async (_, fields, given, missing) => {
      await beat({ type: "heartbeat", ...fields });
      expect(direct.lastRequest()).toMatchObject({
        TableName: engine.statusTableName,
        ConditionExpression: mayHold,
        UpdateExpression: holdUpdate(given, missing),
        ExpressionAttributeNames: { "#status": "status" },
      });
    });
  });

  it("is acknowledged with the server's time and the new end of the lease", async () => {
    expect(await beat({ type: "heartbeat" }, 1_790_000_000_123)).toEqual({
      type: "heartbeat_ack",
      serverTime: 1_790_000_000_123,
      leaseExpiresAt: 1_790_000_090_123,
    });
  });

  it("is not answered if it asks for no ack, and counts all the same", async () => {
    expect(await beat({ type: "heartbeat", ack: false })).toBeUndefined();
    expect(await row()).toMatchObject({ lastHeartbeatAt: 5000 });
    expect(await beat({ type: "heartbeat", ack: true }, 6000)).toMatchObject({ serverTime: 6000 });
  });

  it("carries its id back, whatever is in it", async () => {
    for (const id of ["h1", `"\\'/\n$context.stage #end é\u2028😀`, ""]) {
      expect(await beat({ type: "heartbeat", id })).toMatchObject({ type: "heartbeat_ack", id });
    }
    expect(await beat({ type: "heartbeat" })).not.toHaveProperty("id");
  });

  it.each([
    [30_000, 30],
    [7500, 7.5],
    [540_000, 540],
  ])("tells the interval that the server wants: %d ms", async (heartbeatIntervalMs, seconds) => {
    const owner = { intervalAdvised: true, heartbeatIntervalMs };
    expect(await beat({ type: "heartbeat" }, 5000, owner)).toMatchObject({
      heartbeatInterval: seconds,
    });
  });

  it.each<[Partial<Identity>, object]>([
    [{ reconnectWindowMs: 240_000 }, { reconnectWindowMs: 240_000 }],
    [{ reconnectWindowMs: 0 }, {}],
  ])(
    "tells over how long the fleet is to come back, where there is advice: %j",
    async (owner, told) => {
      expect(await beat({ type: "heartbeat" }, 5000, owner)).toEqual({
        type: "heartbeat_ack",
        serverTime: 5000,
        leaseExpiresAt: 95_000,
        ...told,
      });
    },
  );

  it("tells nothing of that on a connection from before the authorizer knew", async () => {
    const event = routeEvent({}, { type: "heartbeat" }, { agentId });
    delete event.requestContext.authorizer?.reconnectWindowMs;
    expect(await direct.beat(event)).not.toHaveProperty("reconnectWindowMs");
  });

  it("of a superseded connection is answered so, each time anew", async () => {
    const instanceId = `it's "b"`;
    await leases.acquire(holder({ agentId, connectionId: "B=", connectedAt: 2000 }), 2000);
    for (const at of [5000, 6000]) {
      expect(await beat({ type: "heartbeat" }, at, { instanceId })).toEqual({ type: "superseded" });
    }
    expect(await row()).toMatchObject({ connectionId: "B=", lastHeartbeatAt: 2000 });
  });

  it("of a revoked agent is told so", async () => {
    await leases.acquire(holder({ agentId }), 1000);
    await leases.release(holder({ agentId }), 2000, "revoked");
    expect(await beat({ type: "heartbeat" })).toMatchObject({ type: "error", code: "revoked" });
  });

  it.each(["viewer", "publisher"] as const)("of a %s writes nothing", async (role) => {
    const ack = { type: "heartbeat_ack", serverTime: 5000, leaseExpiresAt: 95_000 };
    expect(await beat({ type: "heartbeat" }, 5000, { role })).toEqual(ack);
    expect(await beat({ type: "heartbeat", ack: false }, 5000, { role })).toBeUndefined();
    expect(await row()).toBeUndefined();
  });

  it.each([
    ["throttles", 400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"],
    ["throttles the account", 400, "com.amazon.coral.availability#ThrottlingException"],
    ["refuses what was not meant to be", 400, "com.amazon.coral.validate#ValidationException"],
    ["does not let the gateway in", 400, "com.amazon.coral.service#AccessDeniedException"],
    ["fails", 500, "com.amazonaws.dynamodb.v20120810#InternalServerError"],
  ])("is answered by internal where DynamoDB %s", async (_, status, type) => {
    const body = JSON.stringify({ __type: type, message: "no" });
    const broken = directHeartbeat(engine, RETENTION_MS, async () => ({ status, body }));
    const event = routeEvent({}, { type: "heartbeat" }, { agentId });
    expect(await broken.beat(event)).toMatchObject({ type: "error", code: "internal" });
    broken.close();
  });

  it("would write nothing for a viewer even if DynamoDB did not mind a value that is not used", async () => {
    await beat({ type: "heartbeat" }, 5000, { role: "viewer" });
    const { ExpressionAttributeValues: _, ...request } = direct.lastRequest();
    const wire = openWire(engine.endpoint, "us-east-1");
    const answer = await wire.call("DynamoDB_20120810.UpdateItem", JSON.stringify(request));
    wire.close();
    expect(answer).toMatchObject({ status: 400, body: expect.stringContaining("Conditional") });
    expect(await row()).toBeUndefined();
  });

  describe("beside the function", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 70 }),
      fc.string({ unit: "grapheme", maxLength: 70 }),
      fc.constantFrom(
        "$now",
        "$" + "{hash}",
        "#end",
        "'",
        '"',
        "\\",
        "x".repeat(64),
        "x".repeat(65),
      ),
    );
    const anything = fc.constantFrom(null, true, false, 0, -1, 1.5, "", "1", [], {}, ["a"]);
    const time = fc.oneof(fc.integer({ min: 0, max: 20_000 }), fc.nat({ max: 2 ** 40 }));
    const loose = <T>(value: fc.Arbitrary<T>) =>
      fc.oneof(
        { weight: 12, arbitrary: value as fc.Arbitrary<unknown> },
        { weight: 1, arbitrary: anything },
      );
    const activity = fc.record(
      {
        state: loose(fc.constantFrom("idle", "working", "blocked", "draining", "asleep")),
        task: loose(text),
        startedAt: loose(time),
        progressAt: loose(time),
        maxSilenceMs: loose(fc.constantFrom(0, 1, 60_000, 1_000_000_000, 1_000_000_001)),
        note: loose(text),
        inFlight: loose(fc.nat()),
        eventLoopLagMs: loose(fc.nat()),
        unknown: anything,
      },
      { requiredKeys: [] },
    );
    const message = fc.record(
      {
        type: fc.constant("heartbeat"),
        ack: loose(fc.boolean()),
        id: loose(text),
        activity: loose(activity),
        padding: anything,
      },
      { requiredKeys: ["type"] },
    );
    const before = fc.constantFrom(
      "none",
      "own",
      "older",
      "newer",
      "rotated",
      "ended",
      "revoked",
      "later",
    );
    const role = fc.constantFrom("agent", "agent", "agent", "viewer");

    /** The row as a history left it, for one agent. */
    async function prepare(state: string, id: string): Promise<void> {
      const own = holder({ agentId: id });
      if (state === "own") await leases.acquire(own, 1000);
      if (state === "later") await leases.renew(own, 9000);
      if (state === "older") {
        await leases.acquire({ ...own, connectionId: "0=", connectedAt: 500 }, 500);
      }
      if (state === "newer" || state === "rotated") {
        const instanceId = state === "newer" ? "process-b" : own.instanceId;
        const newer = { ...own, connectionId: "B=", connectedAt: 2000, instanceId };
        await leases.acquire(newer, 2000);
        // Otherwise the function would renew the lease by the older connection, which a template does not.
        if (state === "rotated") await leases.renew(newer, 9000);
      }
      if (state === "ended") await leases.release(own, 2000, "client_closed");
      if (state === "revoked") {
        await leases.acquire(own, 1000);
        await leases.release(own, 2000, "revoked");
      }
    }

    async function byFunction(event: ReturnType<typeof routeEvent>): Promise<unknown> {
      const connections = new ConnectionsRecorder();
      const handler = heartbeatHandler({
        leases,
        connections,
        log: new LogRecorder(),
        metrics: new MetricsRecorder().sink,
      });
      const { body } = await handler(event);
      // What it posts and closes for, a template can only reply.
      const [posted] = connections.calls;
      return body === undefined ? posted?.[2] : JSON.parse(body);
    }

    /** What a template can't say the same: the words of a refusal, and an id where nothing was written. */
    function comparable(answer: unknown, sent: HeartbeatMessage, written: boolean): unknown {
      if (typeof answer !== "object" || answer === null) return answer;
      const { id: _, ...rest } = answer as Record<string, unknown>;
      if (rest.code === "invalid_message") {
        const [field] = /^[a-zA-Z.]+/.exec(String(rest.message)) ?? [];
        // A list in place of an activity: the function misses the state in it.
        return { ...rest, message: field === "activity" ? "activity.state" : field };
      }
      const silent =
        (sent as { ack?: boolean }).ack === false && !written && rest.type === "heartbeat_ack";
      if (silent) return undefined;
      return written ? answer : rest;
    }

    /** A row without what tells the twins apart: the name, and the id that is kept to be echoed. */
    function apart(row: StatusRow | undefined): object {
      const { messageId: _, ...rest } = { messageId: undefined, ...row, agentId: "" };
      return rest;
    }

    it("answers and writes the same, whatever the message and the row", async () => {
      let serial = 0;
      await fc.assert(
        fc.asyncProperty(message, before, role, async (sent, state, as) => {
          serial += 1;
          const [one, other] = [`twin-${serial}`, `function-${serial}`];
          await Promise.all([prepare(state, one), prepare(state, other)]);
          const at = { requestTimeEpoch: 5000 };
          const said = await direct.beat(routeEvent(at, sent, { agentId: one, role: as }));
          const expected = await byFunction(routeEvent(at, sent, { agentId: other, role: as }));
          const [mine, its] = await Promise.all([rowOf(one), rowOf(other)]);
          expect(apart(mine)).toEqual(apart(its));
          const written = as === "agent" && its?.lastHeartbeatAt === 5000;
          const heartbeat = sent as HeartbeatMessage;
          expect(comparable(said, heartbeat, written)).toEqual(
            comparable(expected, heartbeat, written),
          );
        }),
        { numRuns: 100 },
      );
    });
  });
});

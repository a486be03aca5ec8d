/** Messages that name a capability, which go to one agent that has it, on the real engine. */

import { AgentRegistry } from "@agent-heartbeat/sdk/registry";
import { QueryCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import pLimit from "p-limit";
import { LIMITS } from "../../../core/limits";
import type { Activity } from "../../../core/presence";
import { capabilityAddress } from "../../../core/subscription-keys";
import { connectHandler } from "../../../lambda/connect/handler";
import { deliverHandler } from "../../../lambda/deliver/handler";
import { disconnectHandler } from "../../../lambda/disconnect/handler";
import type { Identity } from "../../../lambda/shared/identity";
import { clientOf, type Engine, startEngine } from "../../../testing/engine";
import { putAgent } from "../../../testing/login";
import {
  ConnectionsRecorder,
  holder,
  LogRecorder,
  MetricsRecorder,
  routeEvent,
} from "../../../testing/presence";
import { composeOpenRoutes } from "../../../testing/routes";

const NOW = 1_790_000_000_000;

describe("a message to a capability", () => {
  let engine: Engine;
  let connections: ConnectionsRecorder;
  let gone: Set<string>;
  let log: LogRecorder;
  let service: ReturnType<typeof compose>;
  let organizationId: string;
  let count = 0;

  beforeAll(async () => {
    engine = await startEngine();
  });
  beforeEach(() => {
    count += 1;
    organizationId = `organization-${count}`;
    gone = new Set();
    service = compose();
  });
  afterAll(() => engine.stop());

  function compose(client = engine.client, random?: () => number) {
    connections = new ConnectionsRecorder();
    const post = connections.post.bind(connections);
    connections.post = async (...call) => {
      await post(...call);
      return gone.has(call[0]) ? "gone" : "done";
    };
    log = new LogRecorder();
    const composed = composeOpenRoutes({ client, engine, connections, ...(random && { random }) });
    return {
      ...composed,
      connect: connectHandler({ ...composed, log }),
      disconnect: disconnectHandler(composed),
      deliver: deliverHandler({
        ...composed,
        clock: () => NOW,
        log,
        metrics: new MetricsRecorder().sink,
      }),
    };
  }

  const event = (
    agentId: string,
    connectionId: string,
    body: object | undefined,
    login: Partial<Identity> = {},
  ) =>
    routeEvent({ connectionId, connectedAt: NOW, requestTimeEpoch: NOW }, body, {
      organizationId,
      agentId,
      ...login,
    });
  const register = (agentId: string) =>
    putAgent(engine.client, engine.registryTableName, [], { organizationId, agentId });
  const connect = async (
    agentId: string,
    connectionId = `${agentId}=`,
    login: Partial<Identity> = {},
  ) => {
    const { statusCode } = await service.connect(event(agentId, connectionId, undefined, login));
    expect(statusCode).toBe(200);
  };
  const disconnect = (agentId: string, connectionId = `${agentId}=`) =>
    service.disconnect(event(agentId, connectionId, undefined));
  const say = async (
    agentId: string,
    capabilities: string[] | undefined,
    connectionId = `${agentId}=`,
  ) => {
    const body = { type: "profile", ...(capabilities && { capabilities }) };
    const { body: answer = "null" } = await service.routes.profile(
      event(agentId, connectionId, body),
    );
    expect(JSON.parse(answer)).toEqual({ type: "profile_ack" });
  };
  const agent = async (agentId: string, capabilities: string[], activity?: Activity) => {
    await register(agentId);
    await connect(agentId);
    await say(agentId, capabilities);
    if (activity) await sendHeartbeat(agentId, activity);
  };
  const sendHeartbeat = (agentId: string, activity: Activity) =>
    service.leases.renew(
      holder({ organizationId, agentId, connectionId: `${agentId}=` }),
      NOW + 1,
      activity,
    );
  const publish = async (fields: object, sender: Partial<Identity> = {}) => {
    const body = { type: "publish", data: 1, ...fields };
    const { body: answer = "null" } = await service.routes.publish(
      event("planner", "planner=", body, sender),
    );
    return JSON.parse(answer);
  };
  /** Where messages went to since the last call. */
  const posted = () =>
    connections.calls
      .splice(0)
      .flatMap(([call, to, message]) => (call === "post" ? [{ to, message }] : []));
  const reached = async (capability = "summarize") => {
    const answer = await publish({ capability });
    expect(answer).toMatchObject({ type: "published", subject: "direct" });
    return { reached: answer.reached, to: posted().map(({ to }) => to) };
  };
  /** What is listed under a capability. */
  const listed = async (capability = "summarize") => {
    const { Items = [] } = await engine.client.send(
      new QueryCommand({
        TableName: engine.subscriptionsTableName,
        KeyConditionExpression: "address = :address",
        ExpressionAttributeValues: {
          ":address": { S: capabilityAddress(organizationId, capability) },
        },
        ConsistentRead: true,
      }),
    );
    return Items.map(({ connectionId }) => connectionId?.S).sort();
  };

  it("is delivered to one agent that has it, for all handlers of its subject", async () => {
    await agent("w1", ["summarize"]);
    await agent("w2", ["summarize", "translate"]);
    await agent("w3", ["translate"]);
    const answer = await publish({ subject: "pages.summarize", capability: "summarize", id: "7" });
    expect(answer).toEqual({
      type: "published",
      subject: "pages.summarize",
      reached: 1,
      id: "7",
    });
    expect(posted()).toEqual([
      {
        to: expect.stringMatching(/^w[12]=$/),
        message: {
          type: "message",
          messageId: "message",
          subject: "pages.summarize",
          data: 1,
          from: "planner",
          direct: true,
        },
      },
    ]);
    const all = new Set<unknown>();
    for (let tries = 0; tries < 200 && all.size < 2; tries++) {
      for (const to of (await reached()).to) all.add(to);
    }
    expect([...all].sort()).toEqual(["w1=", "w2="]);
  });

  it("has no receiver if no agent has the capability", async () => {
    await agent("w1", ["translate"]);
    expect(await reached()).toEqual({ reached: 0, to: [] });
  });

  it("is delivered to the less busy of two", async () => {
    await agent("w1", ["summarize"], { state: "working", inFlight: 2 });
    await agent("w2", ["summarize"], { state: "working", inFlight: 1 });
    for (let tries = 0; tries < 10; tries++) expect((await reached()).to).toEqual(["w2="]);
  });

  it.each<[string, Activity]>([
    ["drains", { state: "draining" }],
    ["is blocked", { state: "blocked" }],
    ["has stalled", { state: "working", maxSilenceMs: 1000, progressAt: NOW - 5000 }],
  ])("skips an agent that %s", async (_, activity) => {
    await agent("w1", ["summarize"], activity);
    expect(await reached()).toEqual({ reached: 0, to: [] });
    await agent("w2", ["summarize"]);
    for (let tries = 0; tries < 10; tries++) expect((await reached()).to).toEqual(["w2="]);
  });

  it("is delivered to the next one if a connection is gone, which is not tried again", async () => {
    await agent("w1", ["summarize"], { state: "working", inFlight: 1 });
    await agent("w2", ["summarize"]);
    gone.add("w2=");
    expect(await reached()).toEqual({ reached: 1, to: ["w2=", "w1="] });
    expect(await listed()).toEqual(["w1="]);
    expect(await reached()).toEqual({ reached: 1, to: ["w1="] });
  });

  it("is noted while it is a request that waits for its answer", async () => {
    await agent("w1", ["summarize"]);
    const replyTo = "_inbox.planner.q";
    const request = { capability: "summarize", replyTo, expiresInMs: 5000, attempt: 2 };
    expect((await publish(request)).reached).toBe(1);
    expect(posted()).toMatchObject([{ message: { messageId: "planner.q", attempt: 2, replyTo } }]);
    const open = await service.requests.of(organizationId, "w1", NOW, 10);
    expect(open).toMatchObject([{ instanceId: "process-a", replyTo, attempt: 2 }]);
  });

  it("finds an agent by its latest profile", async () => {
    await agent("w1", ["old", "kept", "kept"]);
    await say("w1", ["kept", "new"]);
    expect(await reached("old")).toMatchObject({ reached: 0 });
    expect(await reached("kept")).toMatchObject({ reached: 1 });
    expect(await reached("new")).toMatchObject({ reached: 1 });
    await say("w1", undefined);
    expect(await reached("new")).toMatchObject({ reached: 0 });
    expect(await listed("kept")).toEqual([]);
  });

  it("finds an agent by a profile sent on an earlier connection, until its last connection ends", async () => {
    await agent("w1", ["summarize"]);
    await disconnect("w1");
    expect(await listed()).toEqual([]);
    expect(await reached()).toMatchObject({ reached: 0 });
    await connect("w1", "again=", { instanceId: "process-b" });
    expect(await reached()).toEqual({ reached: 1, to: ["again="] });
  });

  it("finds a process by each of its connections while it moves to another one", async () => {
    await agent("w1", ["summarize"]);
    await connect("w1", "next=", { rotation: true });
    await say("w1", ["summarize", "translate"]);
    expect(await listed("translate")).toEqual(["next=", "w1="]);
    expect(await reached("translate")).toMatchObject({ reached: 1 });
    await disconnect("w1");
    expect(await reached("translate")).toEqual({ reached: 1, to: ["next="] });
    expect(await reached()).toEqual({ reached: 1, to: ["next="] });
  });

  it("is not delivered to a process that has lost the lease", async () => {
    await agent("w1", ["summarize"]);
    await connect("w1", "newer=", { instanceId: "process-b" });
    for (let tries = 0; tries < 5; tries++) expect((await reached()).to).toEqual(["newer="]);
  });

  it("is not delivered to an agent that was removed, or whose profile arrives too late", async () => {
    await agent("w1", ["summarize"]);
    const { client, registryTableName, statusTableName } = engine;
    const registry = new AgentRegistry({ client, registryTableName, statusTableName });
    await registry.remove({ organizationId, agentId: "w1" });
    expect(await reached()).toEqual({ reached: 0, to: [] });
    await say("w1", ["translate"]);
    expect(await listed("translate")).toEqual([]);
  });

  it("never crosses organizations, nor reaches a subscriber to that name", async () => {
    await agent("w1", ["summarize"]);
    await service.routes.subscribe(
      event("w1", "w1=", { type: "subscribe", subject: "translate", group: "translate" }),
    );
    expect(await reached("translate")).toMatchObject({ reached: 0 });
    organizationId = "another";
    expect(await reached()).toMatchObject({ reached: 0 });
  });

  it.each(["a b", "#x!y", "é\u{1F600}", "x".repeat(64), "*", ">"])(
    "takes any text, such as %j",
    async (capability) => {
      await agent("w1", [capability]);
      expect(await reached(capability)).toMatchObject({ reached: 1 });
      expect(await reached("x")).toMatchObject({ reached: 0 });
    },
  );

  it.each<[string, object, string, string]>([
    ["that is empty", { capability: "" }, "invalid_message", "capability: expected"],
    ["that is too long", { capability: "x".repeat(65) }, "invalid_message", "capability: expected"],
    ["that is no text", { capability: 7 }, "invalid_message", "capability: expected"],
    ["beside an agent", { capability: "x", to: "w1" }, "invalid_message", "capability: expected"],
    ["for an answer", { capability: "x", subject: "_inbox.w1.q" }, "forbidden", "capability: "],
    ["under presence", { capability: "x", subject: "presence.w1" }, "forbidden", "subject: only"],
  ])("is refused for one %s", async (_, fields, code, text) => {
    expect(await publish(fields)).toMatchObject({
      type: "error",
      code,
      message: expect.stringContaining(text),
    });
    expect(posted()).toEqual([]);
  });

  it("may come from a publisher, and from the event bus", async () => {
    await agent("w1", ["summarize"]);
    const publisher: Partial<Identity> = { agentId: "p1", role: "publisher" };
    expect(await publish({ capability: "summarize" }, publisher)).toMatchObject({ reached: 1 });
    posted();
    const bus = (detail: object) =>
      service.deliver({
        id: "event-1",
        source: "cron",
        time: "",
        detail: { organizationId, ...detail },
      });
    expect(await bus({ capability: "summarize", data: 5 })).toEqual({ reached: 1 });
    expect(posted()).toEqual([
      {
        to: "w1=",
        message: {
          type: "message",
          messageId: "event-1",
          subject: "direct",
          data: 5,
          from: "event:cron",
          direct: true,
        },
      },
    ]);
    expect(await bus({ capability: "summarize", agentId: "w1" })).toEqual({ reached: 0 });
    expect(await bus({ capability: "" })).toEqual({ reached: 0 });
    expect(await bus({})).toEqual({ reached: 0 });
    expect(posted()).toEqual([]);
  });

  it("does not find an agent whose items could not be written, which is online all the same", async () => {
    await agent("w1", ["summarize"]);
    await disconnect("w1");
    const broken = clientOf(engine.endpoint);
    broken.middlewareStack.add((next, { commandName }) => async (args) => {
      if (commandName === "BatchWriteItemCommand") throw new Error("out of order");
      return next(args);
    });
    service = compose(broken);
    await connect("w1", "again=");
    broken.destroy();
    expect(log.lines).toMatchObject([{ event: "capabilities_not_listed", agentId: "w1" }]);
    service = compose();
    expect(await reached()).toMatchObject({ reached: 0 });
    await say("w1", ["summarize"], "again=");
    expect(await reached()).toEqual({ reached: 1, to: ["again="] });
  });

  it("costs the same however many agents have it, and is drawn from all of them", async () => {
    await pLimit(16).map(
      Array.from({ length: 200 }, (_, index) => `worker-${index}`),
      async (agentId) => agent(agentId, ["summarize"]),
    );
    const client = clientOf(engine.endpoint);
    const cost = { listed: 0, rows: 0 };
    client.middlewareStack.add((next, { commandName }) => async (args) => {
      const result = await next(args);
      const output = result.output as { ScannedCount?: number };
      if (commandName === "QueryCommand") cost.listed += output.ScannedCount ?? 0;
      if (commandName === "GetItemCommand") cost.rows += 1;
      return result;
    });
    const all = new Set<unknown>();
    const shares = Array.from({ length: 16 }, (_, index) => index / 16);
    let share = 0;
    service = compose(client, () => share);
    for (share of [...shares, 0.999_999]) {
      const { to } = await reached();
      expect(to).toHaveLength(1);
      for (const each of to) all.add(each);
    }
    client.destroy();
    expect(cost).toEqual({ listed: 17 * 25, rows: 17 * 2 });
    expect(all.size).toBeGreaterThan(8);
  });

  it("may find an agent by as many capabilities as it can have", async () => {
    const names = Array.from({ length: LIMITS.capabilities }, (_, index) => `c${index}`);
    await agent("w1", names);
    for (const name of ["c0", "c24", "c25", "c49"]) {
      expect(await reached(name)).toMatchObject({ reached: 1 });
    }
    await disconnect("w1");
    for (const name of ["c0", "c49"]) expect(await listed(name)).toEqual([]);
  });
});

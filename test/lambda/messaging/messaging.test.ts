/** Messages between connections, on the real engine. */

import { ScanCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import pLimit from "p-limit";
import { LIMITS } from "../../../core/limits";
import { deliverHandler } from "../../../lambda/deliver/handler";
import { LeaseStore } from "../../../lambda/lease/store";
import { dynamoDbAgentLocator } from "../../../lambda/messaging/agent-locator";
import { CapableAgents } from "../../../lambda/messaging/capable-agents";
import { MessageRouter } from "../../../lambda/messaging/message-router";
import { OpenRequests } from "../../../lambda/messaging/open-requests";
import { SubscriptionStore } from "../../../lambda/messaging/subscriptions";
import { publishHandler } from "../../../lambda/publish/handler";
import type { Outcome } from "../../../lambda/shared/connections";
import type { SenderRates } from "../../../lambda/shared/sender-rates";
import { subscribeHandler, unsubscribeHandler } from "../../../lambda/subscribe/handler";
import { clientOf, type Engine, startEngine } from "../../../testing/engine";
import {
  ConnectionsRecorder,
  holder,
  LogRecorder,
  MetricsRecorder,
  OPEN_GUARD,
  OPEN_RATES,
  routeEvent,
} from "../../../testing/presence";

const NOW = 1_790_000_000_000;

describe("messages", () => {
  let engine: Engine;
  let subscriptions: SubscriptionStore;
  let posted: [string, Record<string, unknown>][];
  let outcomes: Record<string, Outcome | Error>;
  let metrics: MetricsRecorder;
  let organizationId: string;
  let count = 0;
  let handlers: ReturnType<typeof compose>;

  beforeAll(async () => {
    engine = await startEngine();
  });
  beforeEach(() => {
    count += 1;
    organizationId = `organization-${count}`;
    posted = [];
    outcomes = {};
    handlers = compose();
  });
  afterAll(() => engine.stop());

  function compose(client = engine.client, rates: Pick<SenderRates, "spend"> = OPEN_RATES) {
    subscriptions = new SubscriptionStore(client, engine.subscriptionsTableName);
    metrics = new MetricsRecorder();
    const log = new LogRecorder();
    const guard = OPEN_GUARD;
    const route = {
      connections: new ConnectionsRecorder(),
      log,
      metrics: metrics.sink,
      rates,
    };
    const requests = new OpenRequests(client, engine.subscriptionsTableName);
    const messageRouter = new MessageRouter({
      subscriptions,
      requests,
      capable: new CapableAgents(client, engine.subscriptionsTableName),
      agents: dynamoDbAgentLocator(client, engine.statusTableName),
      connections: {
        post: async (connectionId, message) => {
          posted.push([connectionId, message as never]);
          const outcome = outcomes[connectionId] ?? "done";
          if (outcome instanceof Error) throw outcome;
          return outcome;
        },
      },
      log,
    });
    return {
      subscribe: subscribeHandler({ subscriptions, guard, ...route }),
      unsubscribe: unsubscribeHandler({ subscriptions, ...route }),
      publish: publishHandler({
        messageRouter,
        requests,
        guard,
        newId: () => "message-1",
        ...route,
      }),
      deliver: deliverHandler({ messageRouter, clock: () => NOW, ...route }),
    };
  }

  const call = async (
    type: "subscribe" | "unsubscribe" | "publish",
    fields: object,
    connectionId = "A=",
    owner: object = {},
  ) => {
    const context = { connectionId, connectedAt: NOW, requestTimeEpoch: NOW };
    const event = routeEvent(context, { type, ...fields }, { organizationId, ...owner });
    const { body = "null" } = await handlers[type](event);
    return JSON.parse(body);
  };
  const subscribe = (subject: string, connectionId: string, owner: object = {}) =>
    call("subscribe", { subject }, connectionId, owner);
  const reachedBy = async (subject: string) => {
    posted = [];
    await call("publish", { subject, data: 1 });
    return posted.map(([connectionId]) => connectionId).sort();
  };

  it("are refused a subscription beyond the limit of a connection", async () => {
    const owner = {
      organizationId,
      agentId: "a1",
      role: "agent",
      instanceId: "process-a",
      connectedAt: NOW,
      fencingToken: 0,
      keyTag: "key",
    } as const;
    await pLimit(16).map(Array.from({ length: LIMITS.subscriptions }), (_, count) =>
      subscriptions.add({ ...owner, connectionId: "greedy=", pattern: `tasks.n${count}` }),
    );
    expect(await call("subscribe", { subject: "tasks.more", id: "s1" }, "greedy=")).toEqual({
      type: "error",
      code: "rate_limited",
      message: "subject: expected at most 500 subscriptions a connection, got one more",
      id: "s1",
    });
    await call("unsubscribe", { subject: "tasks.n0" }, "greedy=");
    expect(await call("subscribe", { subject: "tasks.more" }, "greedy=")).toMatchObject({
      type: "subscribed",
    });
  });

  it("are refused a subscription beyond the limits of an agent, however many connections it has", async () => {
    const owner = {
      organizationId,
      agentId: "greedy",
      role: "viewer",
      instanceId: "process-a",
      connectedAt: NOW,
      fencingToken: 0,
      keyTag: "key",
    } as const;
    const add = (count: number, subject: (index: number) => string) =>
      pLimit(16).map(
        Array.from({ length: count }, (_, index) => index),
        (index) =>
          subscriptions.add({ ...owner, connectionId: `c${index % 12}=`, pattern: subject(index) }),
      );
    const refused = (what: string) => ({
      code: "rate_limited",
      message: `subject: expected at most ${what}, got one more`,
    });
    await add(LIMITS.subscriptionsAtAddress, (index) => `tasks.*.n${index}`);
    expect(await subscribe("tasks.>", "new=", owner)).toMatchObject(
      refused(
        "200 subscriptions an agent to the same subject, or to patterns with the same first token",
      ),
    );
    expect(await subscribe("tasks.one", "new=", owner)).toMatchObject({ type: "subscribed" });
    await add(LIMITS.subscriptionsOfAgent, (index) => `other.n${index}`);
    expect(await subscribe("more", "new=", owner)).toMatchObject(
      refused("1000 subscriptions an agent"),
    );
    expect(await subscribe("more", "B=", { agentId: "modest" })).toMatchObject({
      type: "subscribed",
    });
  });

  it("reach the subscribers of their subject unchanged", async () => {
    expect(await call("subscribe", { subject: "tasks.process", id: "s1" }, "B=")).toEqual({
      type: "subscribed",
      subject: "tasks.process",
      id: "s1",
    });
    const published = await call("publish", { subject: "tasks.process", data: { n: 7 }, id: "p1" });
    expect(published).toEqual({
      type: "published",
      subject: "tasks.process",
      reached: 1,
      id: "p1",
    });
    expect(posted).toEqual([
      [
        "B=",
        {
          type: "message",
          messageId: "message-1",
          subject: "tasks.process",
          data: { n: 7 },
          from: "a1",
        },
      ],
    ]);
  });

  it("carry the trace context of their sender, and are refused with one that is malformed", async () => {
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const trace = { traceparent, tracestate: "vendor=1" };
    await subscribe("tasks.process", "B=");
    const publish = (fields: object) => call("publish", { subject: "tasks.process", ...fields });
    const delivered = async (fields: object) => {
      posted = [];
      expect(await publish(fields)).toMatchObject({ type: "published", reached: 1 });
      const { traceparent, tracestate } = posted[0]?.[1] ?? {};
      return { traceparent, tracestate };
    };
    expect(await delivered(trace)).toEqual(trace);
    expect(await delivered({ traceparent })).toEqual({ traceparent });
    expect(await delivered({ tracestate: "vendor=1" })).toEqual({});
    posted = [];
    for (const malformed of [
      "",
      "x".repeat(100_000),
      traceparent.toUpperCase(),
      `${traceparent}-00`,
      traceparent.replace("00-", "ff-"),
      traceparent.replaceAll("a", "0"),
      traceparent.replaceAll("b", "0"),
    ]) {
      const { code, message } = await publish({ traceparent: malformed });
      expect(code).toBe("invalid_message");
      expect(message).toMatch(/^traceparent: expected a W3C traceparent, got ".{0,66}$/);
    }
    const long = await publish({ traceparent, tracestate: "x".repeat(513) });
    expect(long.message).toMatch(/^tracestate: expected at most 512 characters, got "x/);
    expect(await publish({ traceparent: 7 })).toMatchObject({ code: "invalid_message" });
    expect(posted).toEqual([]);
  });

  it("match patterns token by token, never by prefix", async () => {
    const patterns = ["team.updates", "team.*", "team.>", "*.updates", "*", ">", "team.updates2.x"];
    for (const pattern of patterns) await subscribe(pattern, pattern);
    expect(await reachedBy("team.updates")).toEqual([
      "*.updates",
      ">",
      "team.*",
      "team.>",
      "team.updates",
    ]);
    expect(await reachedBy("team.updates2.x")).toEqual([">", "team.>", "team.updates2.x"]);
    expect(await reachedBy("team")).toEqual(["*", ">"]);
    expect(await reachedBy("teams.updates")).toEqual(["*.updates", ">"]);
  });

  it("reach a connection once, however many of its patterns match", async () => {
    for (const pattern of ["a.b", "a.*", ">"]) await subscribe(pattern, "B=");
    expect(await reachedBy("a.b")).toEqual(["B="]);
  });

  it("count a process once while it moves from one connection to another", async () => {
    await subscribe("a.b", "old", { agentId: "mover" });
    await subscribe("a.b", "new", { agentId: "mover" });
    const { reached } = await call("publish", { subject: "a.b" });
    expect([reached, posted.length]).toEqual([1, 2]);
  });

  it("never cross organizations, by subject, pattern, recipient or event", async () => {
    const other = { organizationId: "other" };
    for (const pattern of ["a.b", "a.*", ">"]) await subscribe(pattern, "B=", other);
    await online("other", "a7");
    expect(await reachedBy("a.b")).toEqual([]);
    expect(await call("publish", { subject: "a.b", to: "a7" })).toMatchObject({ reached: 0 });
    expect(await call("publish", { subject: "_inbox.a7.x" })).toMatchObject({ reached: 0 });
    await event({ organizationId, agentId: "a7", data: 1 });
    expect(posted).toEqual([]);
  });

  it("do not reach a subscription that was removed", async () => {
    await subscribe("a.b", "B=");
    const answer = await call("unsubscribe", { subject: "a.b" }, "B=");
    expect(answer).toEqual({ type: "unsubscribed", subject: "a.b" });
    expect(await reachedBy("a.b")).toEqual([]);
  });

  it("cost one failed post for a connection that is gone, and reach all others", async () => {
    await subscribe("a.b", "gone");
    await subscribe("c.d", "gone");
    await subscribe("a.b", "there");
    outcomes.gone = "gone";
    expect(await call("publish", { subject: "a.b" })).toMatchObject({ reached: 1 });
    expect(await reachedBy("a.b")).toEqual(["there"]);
    expect(await reachedBy("c.d")).toEqual([]);
  });

  it("reach the other subscribers if a post to one fails", async () => {
    await subscribe("a.b", "full");
    await subscribe("a.b", "there");
    outcomes.full = new Error("limit exceeded");
    expect(await call("publish", { subject: "a.b" })).toMatchObject({ reached: 1 });
    expect(await reachedBy("a.b")).toEqual(["full", "there"]);
  });

  it("are answered as published if only the counting of their posts fails", async () => {
    const spent: number[] = [];
    handlers = compose(engine.client, {
      spend: async (_, __, ___, amount) => {
        if (amount === undefined) return "admitted";
        spent.push(amount);
        throw new Error("throttled");
      },
    });
    for (let index = 0; index < 25; index++) {
      await subscribe("a.b", `C${index}=`, { agentId: `reader-${index}` });
    }
    expect(await call("publish", { subject: "a.b", id: "1" })).toEqual({
      type: "published",
      subject: "a.b",
      reached: 25,
      id: "1",
    });
    expect([posted.length, spent]).toEqual([25, [2]]);
  });

  it("go only to the agent that they name, subscribed or not", async () => {
    await online(organizationId, "a7");
    await subscribe("a.b", "other");
    expect(await call("publish", { subject: "a.b", to: "a7" })).toMatchObject({ reached: 1 });
    expect(posted.map(([connectionId]) => connectionId)).toEqual(["connection-of-a7"]);
  });

  it("that answer a request go to the requesting agent, and replyTo must name its own inbox", async () => {
    await online(organizationId, "a1");
    await subscribe("a.b", "B=");
    await call("publish", { subject: "a.b", replyTo: "_inbox.a1.q1" });
    expect(posted[0]?.[1]).toMatchObject({ replyTo: "_inbox.a1.q1" });
    const answer = { subject: "_inbox.a1.q1", data: "done" };
    expect(await call("publish", answer, "B=", { agentId: "b1" })).toMatchObject({ reached: 1 });
    expect(posted[1]?.[0]).toBe("connection-of-a1");
    expect(await call("publish", { subject: "a.b", replyTo: "_inbox.b1.q1" })).toMatchObject({
      type: "error",
      code: "forbidden",
    });
  });

  it("that answer a request go to agents whose ids have dots, and no other may have their inbox", async () => {
    const agentId = "worker-0.workers.default.svc";
    await online(organizationId, agentId);
    await subscribe("a.b", "B=");
    const replyTo = "_inbox.worker-0~workers~default~svc.q1";
    await call("publish", { subject: "a.b", replyTo }, "A=", { agentId });
    expect(posted[0]?.[1]).toMatchObject({ replyTo });
    const answer = { subject: replyTo, data: "done" };
    expect(await call("publish", answer, "B=", { agentId: "b1" })).toMatchObject({ reached: 1 });
    expect(posted[1]?.[0]).toBe(`connection-of-${agentId}`);
    for (const other of ["worker-0", "worker-0.workers"]) {
      const asked = { subject: "a.b", replyTo: `_inbox.${agentId}.q1` };
      const identity = { agentId: other };
      for (const claimed of [asked, { subject: "a.b", replyTo }]) {
        const reply = await call("publish", claimed, "A=", identity);
        const isOwn = other === "worker-0" && claimed === asked;
        expect(reply).toMatchObject(isOwn ? { type: "published" } : { code: "forbidden" });
      }
    }
  });

  it.each([
    ["subscribe", { subject: "_inbox.a1.q1" }, "forbidden"],
    ["subscribe", { subject: "_inbox.>" }, "forbidden"],
    ["publish", { subject: "presence.a1", data: 1 }, "forbidden"],
    ["publish", { subject: "a.*" }, "invalid_message"],
    ["publish", { subject: "a..b" }, "invalid_message"],
    ["publish", { subject: "" }, "invalid_message"],
    ["publish", { data: 1 }, "invalid_message"],
    ["publish", { subject: "a", to: "x#y" }, "invalid_message"],
    ["publish", { subject: "a", data: "x".repeat(131_000) }, "invalid_message"],
    ["subscribe", { subject: "a.>.b" }, "invalid_message"],
    ["subscribe", { subject: 5 }, "invalid_message"],
    ["subscribe", { subject: "a.".repeat(20) }, "invalid_message"],
  ] as const)("are refused: %s %j with %s", async (type, fields, code) => {
    expect(await call(type, fields)).toMatchObject({ type: "error", code });
  });

  it("are on the subject direct where they name a recipient alone", async () => {
    await online(organizationId, "a7");
    expect(await call("publish", { to: "a7", data: 1 })).toMatchObject({
      type: "published",
      subject: "direct",
      reached: 1,
    });
    expect(posted[0]?.[1]).toMatchObject({ subject: "direct", data: 1 });
  });

  it("of a publisher are refused with a replyTo, which it could not receive", async () => {
    const fields = { subject: "a", replyTo: "_inbox.a1.x" };
    expect(await call("publish", fields, "A=", { role: "publisher" })).toMatchObject({
      type: "error",
      code: "forbidden",
      message: "replyTo: expected none, got one: a publisher receives no messages, and so no reply",
    });
  });

  it("are refused from an agent whose id stands for the service", async () => {
    const answer = await call("publish", { subject: "a" }, "A=", { agentId: "service" });
    expect(answer).toMatchObject({ type: "error", code: "forbidden" });
  });

  it("of the service do not reach patterns that begin with a wildcard", async () => {
    for (const pattern of [">", "*.a1", "presence.*", "presence.a1"])
      await subscribe(pattern, pattern);
    const found = await subscriptions.find(organizationId, "presence.a1", NOW);
    expect(found.subscribers.map(({ connectionId }) => connectionId).sort()).toEqual([
      "presence.*",
      "presence.a1",
    ]);
  });

  it("find up to a hundred subscribers of a subject with three queries, and a thousand more with one more", async () => {
    await Promise.all(
      Array.from({ length: 300 }, (_, index) => subscribe(`other.subject-${index}`, `c${index}`)),
    );
    await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        subscribe("a.b", `s${index}`, { agentId: `s${index}` }),
      ),
    );
    const client = clientOf(engine.endpoint);
    let queries = 0;
    client.middlewareStack.add(
      (next) => (args) => {
        queries += 1;
        return next(args);
      },
      { step: "finalizeRequest" },
    );
    handlers = compose(client);
    expect(await call("publish", { subject: "a.b" })).toMatchObject({ reached: 200 });
    client.destroy();
    expect(queries).toBe(4);
  });

  it("leave no subscriptions of a connection that has ended", async () => {
    const patterns = Array.from({ length: 60 }, (_, index) => `subject.${index}`);
    await Promise.all(patterns.map((pattern) => subscribe(pattern, "ended")));
    await subscriptions.removeConnection("ended");
    const { Items = [] } = await engine.client.send(
      new ScanCommand({ TableName: engine.subscriptionsTableName, ConsistentRead: true }),
    );
    expect(Items.filter(({ connectionId }) => connectionId?.S === "ended")).toEqual([]);
  });

  it("do not reach a subscription after its TTL", async () => {
    await subscribe("a.b", "B=");
    const later = NOW + 3 * 3_600_000;
    expect(await subscriptions.find(organizationId, "a.b", later)).toEqual({
      subscribers: [],
      groups: new Map(),
      complete: true,
    });
  });

  describe("from the event bus", () => {
    it("reach the subscribers of a subject, with the event's source as the sender", async () => {
      await subscribe("tasks.*", "B=");
      expect(await event({ organizationId, subject: "tasks.process", data: [1] })).toEqual({
        reached: 1,
      });
      expect(posted[0]?.[1]).toEqual({
        type: "message",
        messageId: "event-1",
        subject: "tasks.process",
        data: [1],
        from: "event:com.example.orders",
      });
    });

    it("carry the trace context of the event, and are delivered without one that is malformed", async () => {
      const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
      await subscribe("news", "B=");
      for (const [trace, expected] of [
        [
          { traceparent, tracestate: "v=1" },
          { traceparent, tracestate: "v=1" },
        ],
        [{ traceparent, tracestate: 7 }, { traceparent }],
        [{ traceparent: "x", tracestate: "v=1" }, {}],
        [{ traceparent: {} }, {}],
      ]) {
        posted = [];
        await event({ organizationId, subject: "news", ...trace });
        const { traceparent, tracestate } = posted[0]?.[1] ?? {};
        expect({ traceparent, tracestate }).toEqual(expected);
      }
    });

    it("reach one agent, on the subject direct unless they name another one", async () => {
      await online(organizationId, "a7");
      await event({ organizationId, agentId: "a7" });
      await event({ organizationId, agentId: "a7", subject: "tasks.process" });
      expect(posted.map(([, message]) => message.subject)).toEqual(["direct", "tasks.process"]);
    });

    it.each([
      [{ subject: "a" }],
      [{ organizationId: "acme" }],
      [{ organizationId: "acme#x", subject: "a" }],
      [{ organizationId: "acme", subject: "presence.a1" }],
      [{ organizationId: "acme", subject: "_inbox.a1.x" }],
      [{ organizationId: "acme", subject: "a", data: "x".repeat(140_000) }],
      ["text"],
      [null],
    ])("are refused and counted if they are malformed: %j", async (detail) => {
      expect(await event(detail)).toEqual({ reached: 0 });
      expect(metrics.counts.MessageEventsRefused).toBe(1);
    });
  });

  const event = (detail: unknown) =>
    handlers.deliver({ id: "event-1", source: "com.example.orders", time: "", detail });

  async function online(organization: string, agentId: string): Promise<void> {
    const leases = new LeaseStore({
      client: engine.client,
      tableName: engine.statusTableName,
      retentionMs: 86_400_000,
    });
    const connectionId = `connection-of-${agentId}`;
    await leases.acquire(holder({ organizationId: organization, agentId, connectionId }), NOW);
  }
});

/** Requests to one agent, on the real engine: what is noted of them while they are open. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { LIMITS } from "../../../core/limits";
import type { Outcome } from "../../../lambda/shared/connections";
import { type Engine, startEngine } from "../../../testing/engine";
import { ConnectionsRecorder, holder, routeEvent } from "../../../testing/presence";
import { composeOpenRoutes } from "../../../testing/routes";

const NOW = 1_790_000_000_000;
const REPLY_TO = "_inbox.planner.q1";

describe("a request", () => {
  let engine: Engine;
  let service: ReturnType<typeof composeOpenRoutes>;
  let organizationId: string;
  let gone: Set<string>;
  /** Befalls the note of a request that was posted to an agent. */
  let postsDone: (agentId: string) => Promise<void>;
  /** What was noted at each post. */
  let posts: { connectionId: string; message: Record<string, unknown>; noted: string[] }[];
  let count = 0;

  beforeAll(async () => {
    engine = await startEngine();
  });
  beforeEach(async () => {
    count += 1;
    organizationId = `organization-${count}`;
    gone = new Set();
    postsDone = async () => undefined;
    posts = [];
    const connections = new ConnectionsRecorder();
    connections.post = async (connectionId, message): Promise<Outcome> => {
      const agentId = connectionId.slice(0, -1);
      posts.push({ connectionId, message: message as never, noted: await noted(agentId) });
      await postsDone(agentId);
      return gone.has(connectionId) ? "gone" : "done";
    };
    service = composeOpenRoutes({
      client: engine.client,
      engine,
      connections,
    });
    for (const agentId of ["planner", "w1"]) await connect(agentId);
  });
  afterAll(() => engine.stop());

  const noted = async (agentId: string, at = NOW) =>
    (await service.requests.of(organizationId, agentId, at, 10)).map(({ replyTo }) => replyTo);
  const call = async (type: "subscribe" | "publish", fields: object, agentId: string) => {
    const context = { connectionId: `${agentId}=`, connectedAt: NOW, requestTimeEpoch: NOW };
    const event = routeEvent(context, { type, ...fields }, { organizationId, agentId });
    return JSON.parse((await service.routes[type](event)).body ?? "null");
  };
  const connect = (agentId: string) =>
    service.leases.acquire(holder({ organizationId, agentId, connectionId: `${agentId}=` }), NOW);
  const join = (agentId: string, more: object = { group: "workers" }) =>
    call("subscribe", { subject: "tasks.a", ...more }, agentId);
  const ask = (more: object = {}) =>
    call(
      "publish",
      { subject: "tasks.a", replyTo: REPLY_TO, expiresInMs: 10_000, attempt: 1, ...more },
      "planner",
    );

  it.each([
    ["by name", { to: "w1" }],
    ["as to a member of a group", {}],
  ])("to one agent %s is noted before it is posted, and until its answer", async (_, how) => {
    await join("w1");
    expect(await ask(how)).toMatchObject({ type: "published", reached: 1 });
    expect(posts.map((post) => post.noted)).toEqual([[REPLY_TO]]);
    expect(await noted("w1")).toEqual([REPLY_TO]);
    await call("publish", { subject: REPLY_TO, data: { result: 1 } }, "w1");
    expect(await noted("w1")).toEqual([]);
  });

  it.each([
    ["by name", { to: "w1" }],
    ["as to a member of a group", {}],
  ])(
    "to one agent %s is noted with its attempt, and when the agent was heard of",
    async (_, how) => {
      await join("w1");
      const { instanceId } = holder({ agentId: "w1" });
      for (const attempt of [2, undefined]) {
        await ask({ ...how, attempt });
        const noted = await service.requests.of(organizationId, "w1", NOW, 10);
        expect(noted).toEqual([{ replyTo: REPLY_TO, instanceId, lastHeartbeatAt: NOW, attempt }]);
      }
    },
  );

  it("is no longer noted when its time is over", async () => {
    await ask({ to: "w1", expiresInMs: 2000 });
    expect(await noted("w1", NOW + 2000)).toEqual([REPLY_TO]);
    expect(await noted("w1", NOW + 4000)).toEqual([]);
  });

  it("is not deleted by an answer from an agent that was not asked", async () => {
    await ask({ to: "w1" });
    await call("publish", { subject: REPLY_TO, data: { result: 1 } }, "w2");
    expect(await noted("w1")).toEqual([REPLY_TO]);
  });

  it("to a newer process of the agent stays noted when the older one answers late", async () => {
    await ask({ to: "w1" });
    const lost = { organizationId, agentId: "w1", connectionId: "newer=", connectedAt: NOW + 1 };
    await service.leases.acquire(holder({ ...lost, instanceId: "newer" }), NOW);
    await ask({ to: "w1", attempt: 2 });
    await call("publish", { subject: REPLY_TO, data: { error: {}, attempt: 1 } }, "w1");
    expect(await noted("w1")).toEqual([REPLY_TO]);
    const key = { organizationId, agentId: "w1", replyTo: REPLY_TO };
    expect(await service.requests.remove({ ...key, instanceId: "older" })).toBe("absent");
    expect(await service.requests.remove({ ...key, instanceId: "newer" })).toBe("removed");
    expect(await service.requests.remove({ ...key, instanceId: "newer" })).toBe("absent");
  });

  it("is not noted of a member whose connection had gone", async () => {
    await join("w1");
    gone.add("w1=");
    expect(await ask()).toMatchObject({ reached: 0 });
    expect(await noted("w1")).toEqual([]);
  });

  it("is not sent to another member once its requester knows that the first one is lost", async () => {
    for (const isTold of [false, true]) {
      await connect("w2");
      await join("w1");
      await join("w2");
      gone.add("w1=").add("w2=");
      posts = [];
      postsDone = async (agentId) => {
        const { instanceId } = holder({ agentId });
        const request = { organizationId, agentId, instanceId, replyTo: REPLY_TO };
        if (isTold) expect(await service.requests.remove(request)).toBe("removed");
      };
      expect(await ask()).toMatchObject({ reached: 0 });
      expect(posts).toHaveLength(isTold ? 1 : 2);
    }
  });

  it.each([
    [
      "goes to several",
      async () => {
        await connect("w2");
        await join("w2", {});
      },
    ],
    [
      "goes to several groups",
      async () => {
        await connect("w2");
        await join("w2", { group: "others" });
      },
    ],
  ])("that %s is not noted: another one may answer", async (_, also) => {
    await join("w1");
    await also();
    expect(await ask()).toMatchObject({ reached: 2 });
    expect(await noted("w1")).toEqual([]);
  });

  it("without a timeout, and messages that are not requests, are not recorded", async () => {
    await ask({ to: "w1", expiresInMs: undefined });
    await ask({ to: "w1", replyTo: undefined });
    expect(await noted("w1")).toEqual([]);
    expect(posts[1]?.message).not.toHaveProperty("expiresInMs");
  });

  it("has the same messageId in each attempt, and says which one it is and how long there is time", async () => {
    await ask({ to: "w1" });
    await ask({ to: "w1", attempt: 2, expiresInMs: 7000 });
    expect(posts.map(({ message }) => message)).toEqual([
      expect.objectContaining({ messageId: "planner.q1", attempt: 1, expiresInMs: 10_000 }),
      expect.objectContaining({ messageId: "planner.q1", attempt: 2, expiresInMs: 7000 }),
    ]);
  });

  it.each([
    ["expiresInMs", 0],
    ["expiresInMs", LIMITS.requestMs + 1],
    ["expiresInMs", 1.5],
    ["attempt", 0],
    ["attempt", LIMITS.attempts + 1],
    ["attempt", "2"],
  ])("can't have %s: %j", async (name, value) => {
    expect(await ask({ [name]: value })).toMatchObject({
      code: "invalid_message",
      message: expect.stringContaining(`${name}: expected`),
    });
  });
});

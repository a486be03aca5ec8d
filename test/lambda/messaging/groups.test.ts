/** Messages to groups, of whose members one gets each, on the real engine. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import pLimit from "p-limit";
import { LIMITS } from "../../../core/limits";
import type { Activity } from "../../../core/presence";
import type { Outcome } from "../../../lambda/shared/connections";
import { clientOf, type Engine, startEngine } from "../../../testing/engine";
import { ConnectionsRecorder, holder, routeEvent } from "../../../testing/presence";
import { composeOpenRoutes } from "../../../testing/routes";

const NOW = 1_790_000_000_000;

/** Posts, and the connections that are gone or fail. */
class Posts extends ConnectionsRecorder {
  readonly outcomes: Record<string, Outcome | Error> = {};

  override async post(...call: Parameters<ConnectionsRecorder["post"]>): Promise<Outcome> {
    await super.post(...call);
    const outcome = this.outcomes[call[0]] ?? "done";
    if (outcome instanceof Error) throw outcome;
    return outcome;
  }

  /** Where messages went to, and what they were, and forgets them. */
  take() {
    return this.calls.splice(0).map(([, connectionId, message]) => ({
      connectionId: String(connectionId),
      message: message as Record<string, unknown>,
    }));
  }
}

describe("a message to a group", () => {
  let engine: Engine;
  let posts: Posts;
  let service: ReturnType<typeof compose>;
  let organizationId: string;
  let count = 0;
  /** What the draws of members come to, in turn; Math.random after that. */
  let draws: number[];

  beforeAll(async () => {
    engine = await startEngine();
  });
  beforeEach(() => {
    count += 1;
    organizationId = `organization-${count}`;
    draws = [];
    service = compose();
  });
  afterAll(() => engine.stop());

  function compose(client = engine.client) {
    posts = new Posts();
    return composeOpenRoutes({
      client,
      engine,
      connections: posts,
      random: () => draws.shift() ?? Math.random(),
    });
  }

  const call = async (
    type: "subscribe" | "unsubscribe" | "publish",
    fields: object,
    connectionId = "A=",
    owner: object = {},
  ) => {
    const context = { connectionId, connectedAt: NOW, requestTimeEpoch: NOW };
    const event = routeEvent(context, { type, ...fields }, { organizationId, ...owner });
    const { body = "null" } = await service.routes[type](event);
    return JSON.parse(body);
  };
  /** The agent `a7` has the connection `a7=`, and further ones by rotation. */
  const connect = async (agentId: string, connectionId = `${agentId}=`, more: object = {}) => {
    const one = holder({ organizationId, agentId, connectionId, connectedAt: NOW, ...more });
    await service.leases.acquire(one, NOW);
    return one;
  };
  const join = (
    agentId: string,
    group = "workers",
    subject = "tasks.process",
    of = `${agentId}=`,
  ) => call("subscribe", { subject, group }, of, { agentId });
  const member = async (agentId: string, activity?: Activity) => {
    const one = await connect(agentId);
    if (activity) await service.leases.renew(one, NOW + 1, activity);
    return join(agentId);
  };
  const publish = async (subject = "tasks.process", more: object = {}) => ({
    ...(await call("publish", { subject, data: 1, ...more })),
    to: posts.take().map(({ connectionId }) => connectionId),
  });

  it("is delivered to one member, and to every subscriber without a group", async () => {
    for (const agentId of ["w1", "w2", "w3"]) await member(agentId);
    for (const agentId of ["b1", "b2"]) {
      await connect(agentId);
      await join(agentId, "backup");
    }
    await call("subscribe", { subject: "tasks.>" }, "log=", { agentId: "log" });
    const { reached, to } = await publish();
    expect(reached).toBe(3);
    expect(to.sort()).toEqual([
      expect.stringMatching(/^b[12]=$/),
      "log=",
      expect.stringMatching(/^w[123]=$/),
    ]);
  });

  it("names its group, and has its own id", async () => {
    await member("w1");
    await call("subscribe", { subject: "tasks.process" }, "w1=", { agentId: "w1" });
    expect((await call("publish", { subject: "tasks.process" })).reached).toBe(2);
    const messages = posts.take().map(({ message }) => message);
    expect(messages).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ messageId: "message" }),
        expect.objectContaining({ messageId: "message:workers", group: "workers" }),
      ]),
    );
    expect(messages.filter(({ group }) => group === undefined)).toHaveLength(1);
  });

  it("reaches all members over time", async () => {
    for (const agentId of ["w1", "w2", "w3", "w4"]) await member(agentId);
    const reached = new Set<string>();
    for (let tries = 0; tries < 200 && reached.size < 4; tries++) {
      for (const to of (await publish()).to) reached.add(to);
    }
    expect([...reached].sort()).toEqual(["w1=", "w2=", "w3=", "w4="]);
  });

  it("is delivered to the less busy of the two that were drawn", async () => {
    await member("w1", { state: "working", inFlight: 3 });
    await member("w2", { state: "working", inFlight: 2 });
    await member("w3", { state: "working" });
    for (let tries = 0; tries < 20; tries++) expect((await publish()).to).not.toEqual(["w1="]);
    await member("w4", { state: "idle" });
    // The order in which they are drawn.
    for (const [order, expected] of [
      [[0.1, 0.2, 0.8, 0.9], "w2="],
      [[0.2, 0.8, 0.1, 0.9], "w3="],
      [[0.1, 0.8, 0.9, 0.2], "w4="],
    ] as const) {
      const members = (
        await service.subscriptions.find(organizationId, "tasks.process", NOW)
      ).groups.get("workers");
      draws = (members ?? []).map(({ agentId }) => order[Number(agentId.slice(1)) - 1] ?? 0);
      expect((await publish()).to).toEqual([expected]);
    }
  });

  it.each<[string, (agentId: string) => Promise<unknown>]>([
    ["whose lease has expired", (agentId) => connect(agentId, `${agentId}=`, { leaseMs: -1 })],
    [
      "that has left",
      async (agentId) => {
        const one = await connect(agentId);
        await service.leases.release(one, NOW + 1, "client_closed");
      },
    ],
    ["that drains", async (agentId) => member(agentId, { state: "draining" })],
    ["that is blocked", async (agentId) => member(agentId, { state: "blocked" })],
    [
      "whose work has stalled",
      async (agentId) =>
        member(agentId, { state: "working", maxSilenceMs: 1000, progressAt: NOW - 5000 }),
    ],
    [
      "whose place a newer process has taken",
      async (agentId) => {
        await connect(agentId);
        const newer = { instanceId: "process-b", connectedAt: NOW + 1 };
        await connect(agentId, "newer=", newer);
      },
    ],
  ])("skips a member %s, and reaches nobody if there is no other", async (_, become) => {
    await become("w1");
    await join("w1");
    expect(await publish()).toMatchObject({ reached: 0, to: [] });
    await member("w2");
    for (let tries = 0; tries < 10; tries++) expect((await publish()).to).toEqual(["w2="]);
  });

  it("tries members until it finds one that accepts it", async () => {
    for (let index = 1; index < LIMITS.membersTried; index++) {
      await member(`busy-${index}`, { state: "draining" });
    }
    await member("free");
    for (let tries = 0; tries < 10; tries++) expect((await publish()).to).toEqual(["free="]);
  });

  it("is delivered to another member if the connection of the first one is gone, and removes the gone one's subscriptions", async () => {
    await member("w1", { state: "working", inFlight: 1 });
    await member("w2");
    posts.outcomes["w2="] = "gone";
    const { reached, to } = await publish();
    expect([reached, to]).toEqual([1, ["w2=", "w1="]]);
    expect((await publish()).to).toEqual(["w1="]);
  });

  it("is not delivered to another member if it may have arrived", async () => {
    await member("w1", { state: "working", inFlight: 1 });
    await member("w2");
    posts.outcomes["w2="] = new Error("timed out");
    expect(await publish()).toMatchObject({ reached: 0, to: ["w2="] });
  });

  it("counts a process once while it moves from one connection to another", async () => {
    await member("w1");
    await connect("w1", "w1-next=", { rotation: true, connectedAt: NOW + 1 });
    await join("w1", "workers", "tasks.process", "w1-next=");
    expect(await publish()).toMatchObject({ reached: 1, to: [expect.stringMatching(/^w1/)] });
    posts.outcomes["w1-next="] = "gone";
    expect(await publish()).toMatchObject({ reached: 1 });
    expect((await publish()).to).toEqual(["w1="]);
  });

  it("is delivered to one member of the groups of the same name, whatever their patterns", async () => {
    await connect("w1");
    await connect("w2");
    await join("w1", "workers", "tasks.*");
    await join("w2", "workers", "tasks.process");
    await join("w2", "workers", "other.*");
    expect(await publish()).toMatchObject({ reached: 1 });
    expect(await publish("other.x")).toMatchObject({ reached: 1, to: ["w2="] });
    expect(await publish("tasks.else")).toMatchObject({ reached: 1, to: ["w1="] });
  });

  it("no longer reaches a member that has unsubscribed from the group, but all others", async () => {
    await member("w1");
    await call("subscribe", { subject: "tasks.process" }, "w1=", { agentId: "w1" });
    await call("unsubscribe", { subject: "tasks.process", group: "workers" }, "w1=", {
      agentId: "w1",
    });
    expect(await publish()).toMatchObject({ reached: 1, to: ["w1="] });
    await call("unsubscribe", { subject: "tasks.process" }, "w1=", { agentId: "w1" });
    expect(await publish()).toMatchObject({ reached: 0 });
  });

  it("may be sent to one member by name, whatever its group", async () => {
    await member("w1");
    await member("w2");
    await call("publish", { subject: "tasks.process", to: "w2" });
    const [sent] = posts.take();
    expect(sent).toMatchObject({ connectionId: "w2=", message: { direct: true } });
    expect(sent?.message).not.toHaveProperty("group");
  });

  it("never crosses organizations", async () => {
    await member("w1");
    organizationId = "another";
    expect(await publish()).toMatchObject({ reached: 0, to: [] });
  });

  it.each([
    ["with blanks", "a b"],
    ["that is empty", ""],
    ["that is no text", 7],
    ["that would end its key", "a!b"],
  ])("can't be for a group %s", async (_, group) => {
    for (const type of ["subscribe", "unsubscribe"] as const) {
      expect(await call(type, { subject: "a.b", group })).toMatchObject({
        code: "invalid_message",
        message: expect.stringContaining("group: expected"),
      });
    }
  });

  it("can't be for a viewer, which has no status", async () => {
    const viewer = { agentId: "v1", role: "viewer" };
    expect(await call("subscribe", { subject: "a.b", group: "g" }, "v=", viewer)).toMatchObject({
      code: "forbidden",
      message: "group: expected none, got one: a viewer has no status, by which members are chosen",
    });
  });

  it("leaves room for the groups of others", async () => {
    for (let index = 0; index < LIMITS.groupsAtAddress; index++) {
      expect(await join("w1", `group-${index}`)).toMatchObject({ type: "subscribed" });
    }
    expect(await join("w1", "one-more")).toMatchObject({
      code: "rate_limited",
      message: expect.stringContaining("at most 50 subscriptions with a group an agent"),
    });
    expect(await join("w1", "g", "tasks.else")).toMatchObject({ type: "subscribed" });
    expect(
      await call("subscribe", { subject: "tasks.process" }, "w1=", { agentId: "w1" }),
    ).toMatchObject({ type: "subscribed" });
  });

  describe("that is large", () => {
    /** What a publish reads: subscriptions, and rows. */
    const costs = async () => {
      const client = clientOf(engine.endpoint);
      const cost = { subscriptions: 0, rows: 0 };
      client.middlewareStack.add((next, { commandName }) => async (args) => {
        const result = await next(args);
        const output = result.output as { ScannedCount?: number };
        if (commandName === "QueryCommand") cost.subscriptions += output.ScannedCount ?? 0;
        if (commandName === "GetItemCommand") cost.rows += 1;
        return result;
      });
      const used = service;
      service = compose(client);
      const { reached, to } = await publish();
      service = used;
      client.destroy();
      return { ...cost, reached, to };
    };
    const members = (from: number, to: number) =>
      pLimit(16).map(
        Array.from({ length: to - from }, (_, index) => `worker-${from + index}`),
        (agentId) => member(agentId),
      );

    it("costs a page of its members and two rows, however many there are", async () => {
      await members(0, 20);
      expect(await costs()).toMatchObject({ subscriptions: 20, rows: 2, reached: 1 });
      await members(20, 400);
      await call("subscribe", { subject: "tasks.process" }, "log=", { agentId: "log" });
      await connect("b1");
      await join("b1", "zebras");
      const { subscriptions, rows, reached, to } = await costs();
      // The only member of a group is read, too.
      expect([rows, reached]).toEqual([3, 3]);
      // The first page, the draw, and what follows the group.
      expect(subscriptions).toBeLessThanOrEqual(100 + 25 + 2);
      expect(to).toEqual(expect.arrayContaining(["log=", "b1="]));
    });

    it("is drawn from as a whole", async () => {
      await members(0, 150);
      const reached = new Set<string>();
      const all = Array.from({ length: 16 }, (_, index) => index / 16);
      for (const share of all) {
        draws = [share];
        for (const to of (await publish()).to) reached.add(to);
      }
      expect(reached.size).toBeGreaterThan(8);
      draws = [0.999_999];
      expect((await publish()).reached).toBe(1);
    });
  });
});

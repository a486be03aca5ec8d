import { type AgentEvents, ConfigurationError } from "@agent-heartbeat/sdk";
import { describe, expect, it } from "@jest/globals";
import { connectedAgent, fakeAgent } from "../../../testing/agents";
import type { FakeSocket } from "../../../testing/fake-runtime";

const SECOND = 1000;
const settled = () => new Promise((resolve) => setImmediate(resolve));

let serial = 0;
const post = (socket: FakeSocket, subject: string, data: unknown, more: object = {}) => {
  serial += 1;
  const messageId = `dispatch-${serial}`;
  socket.post({ type: "message", messageId, subject, data, from: "a2", ...more });
};

/** A handler that returns on request. */
function gate() {
  const started: unknown[] = [];
  const open = new Map<unknown, () => void>();
  return {
    started,
    handler: (_: string, data: unknown) =>
      new Promise<void>((resolve) => {
        started.push(data);
        open.set(data, resolve);
      }),
    finish: async (data: unknown) => {
      open.get(data)?.();
      await settled();
    },
  };
}

describe("handlers", () => {
  it("get the messages of one subject one after the other, those of others meanwhile", async () => {
    const { agent, socket } = await connectedAgent();
    const { handler, started, finish } = gate();
    agent.onMessage("n.*", handler);
    for (const data of ["a1", "a2", "a3"]) post(socket, "n.a", data);
    post(socket, "n.b", "b1");
    await settled();
    expect(started).toEqual(["a1", "b1"]);
    await finish("a1");
    expect(started).toEqual(["a1", "b1", "a2"]);
    await finish("a2");
    expect(started).toEqual(["a1", "b1", "a2", "a3"]);
  });

  it("get as many of one subject at once as their concurrency allows, so that one that hangs holds up no other", async () => {
    const { agent, socket } = await connectedAgent();
    const { handler, started, finish } = gate();
    agent.onMessage("n.*", handler, { concurrency: 2 });
    for (const data of ["hangs", 1, 2, 3]) post(socket, "n.a", data);
    post(socket, "n.b", "other");
    await settled();
    expect(started).toEqual(["hangs", 1, "other"]);
    await finish(1);
    await finish(2);
    expect(started).toEqual(["hangs", 1, "other", 2, 3]);
    for (const data of ["hangs", 3, "other"]) await finish(data);
    for (const data of [4, 5, 6]) post(socket, "n.a", data);
    await settled();
    expect(started.slice(5)).toEqual([4, 5]);
  });

  it.each([0, 1.5, 10_001, "2", null])("can't have the concurrency %p", async (concurrency) => {
    const { agent } = fakeAgent();
    const options = { concurrency: concurrency as number };
    expect(() => agent.onMessage("n", () => {}, options)).toThrow("option concurrency: expected");
  });

  it("run at most so many at once, and subjects take turns", async () => {
    const { agent, socket } = await connectedAgent({ messageConcurrency: 2 });
    const { handler, started, finish } = gate();
    agent.onMessage("n.*", handler);
    for (const data of ["a1", "a2", "a3"]) post(socket, "n.a", data);
    for (const data of ["b1", "b2"]) post(socket, "n.b", data);
    post(socket, "n.c", "c1");
    await settled();
    expect(started).toEqual(["a1", "b1"]);
    await finish("a1");
    expect(started.at(-1)).toBe("c1");
    await finish("b1");
    expect(started.at(-1)).toBe("a2");
  });

  it("that are flooded drop what is beyond the queue, and count and report it; acks continue", async () => {
    const { agent, socket, runtime } = await connectedAgent({
      messageConcurrency: 1,
      messageQueue: 10,
    });
    const dropped: AgentEvents["messageDropped"][] = [];
    agent.on("messageDropped", (event) => dropped.push(event));
    const { handler, started, finish } = gate();
    agent.onMessage("n", handler);
    socket.settleSubscriptions();
    for (let n = 0; n < 1000; n++) post(socket, "n", n);
    expect(dropped).toHaveLength(989);
    expect(dropped.at(-1)).toEqual({ subject: "n", reason: "queue_full", dropped: 989 });
    for (let n = 0; n < 10; n++) {
      runtime.advance(30 * SECOND);
      socket.ack();
    }
    expect(agent.getConnectionHealth().healthy).toBe(true);
    expect(runtime.sockets).toHaveLength(1);
    await settled();
    for (let n = 0; n < 11; n++) await finish(n);
    expect(started).toEqual([...Array(11).keys()]);
  });

  it("that never return hold up their own subject alone", async () => {
    const { agent, socket } = await connectedAgent();
    const got: unknown[] = [];
    agent.onMessage("stuck", () => new Promise(() => {}));
    agent.onMessage("*", (_, data) => got.push(data));
    post(socket, "stuck", 1);
    post(socket, "stuck", 2);
    post(socket, "other", 3);
    await settled();
    expect(got.toSorted()).toEqual([1, 2, 3]);
  });

  it("do not receive a message twice that is delivered twice", async () => {
    const { agent, socket } = await connectedAgent();
    const got: unknown[] = [];
    agent.onMessage("n", (_, data) => got.push(data));
    for (const data of [1, 2]) post(socket, "n", data, { messageId: "from-the-bus" });
    await settled();
    expect(got).toEqual([1]);
  });

  it("that were removed do not receive messages that waited for them", async () => {
    const { agent, socket } = await connectedAgent();
    const { handler, started, finish } = gate();
    const remove = agent.onMessage("n", handler);
    post(socket, "n", 1);
    post(socket, "n", 2);
    await settled();
    remove();
    await finish(1);
    expect(started).toEqual([1]);
  });

  it("of an agent that drains finish, and what waits is counted as dropped", async () => {
    const { agent, socket, ended } = await connectedAgent();
    const dropped: unknown[] = [];
    agent.on("messageDropped", ({ reason, dropped: n }) => dropped.push([reason, n]));
    const { handler, finish } = gate();
    agent.onMessage("n", handler);
    post(socket, "n", 1);
    post(socket, "n", 2);
    await settled();
    void agent.drain();
    post(socket, "n", 3);
    await finish(1);
    expect(dropped).toEqual([
      ["ended", 1],
      ["ended", 2],
    ]);
    expect(socket.closedWith).toMatchObject({ reason: "drained" });
    socket.peer.closed(1000, "");
    expect(await ended).toBe("drained");
  });

  it.each([
    [{ messageConcurrency: 0 }, "option messageConcurrency: expected a number from 1"],
    [{ messageQueue: 1.5 }, "option messageQueue: expected a whole number, got 1.5"],
  ])("%j are refused", (options, message) => {
    expect(() => fakeAgent(options)).toThrow(message);
  });
});

describe("a message `agent.drain`", () => {
  it.each([
    [true, "event:operations", "draining"],
    [true, "a2", "connected"],
    [false, "event:operations", "connected"],
  ])("with remoteDrain: %s, from %s, leaves the agent %s", async (remoteDrain, from, state) => {
    const { agent, socket } = await connectedAgent({ remoteDrain });
    agent.onMessage("n", () => new Promise(() => {}));
    post(socket, "n", 1);
    await settled();
    post(socket, "agent.drain", null, { from });
    expect(agent.state).toBe(state);
  });
});

describe("maxSilence", () => {
  it.each([0, 86_401, Number.NaN])("of %d is refused", (maxSilence) => {
    const { agent } = fakeAgent();
    expect(() => agent.onMessage("n", () => {}, { maxSilence })).toThrow(ConfigurationError);
  });
});

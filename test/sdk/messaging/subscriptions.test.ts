import { SubjectError } from "@agent-heartbeat/sdk";
import { describe, expect, it } from "@jest/globals";
import { connectedAgent, fakeAgent } from "../../../testing/agents";
import type { FakeSocket } from "../../../testing/fake-runtime";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** What was asked for on a connection: `+` and `-` with the pattern. */
const asked = ({ sent }: FakeSocket) =>
  sent
    .filter(({ type }) => type === "subscribe" || type === "unsubscribe")
    .map(({ type, subject }) => `${type === "subscribe" ? "+" : "-"}${subject}`);

const idOf = ({ sent }: FakeSocket, type: string) => sent.findLast((m) => m.type === type)?.id;

describe("subscriptions", () => {
  it("are one for each pattern, however many handlers it has", async () => {
    const { agent, socket } = await connectedAgent();
    const removals = [1, 2].map(() => agent.onMessage("tasks.*", () => {}));
    agent.onMessage("news", () => {});
    socket.settleSubscriptions();
    expect(asked(socket)).toEqual(["+tasks.*", "+news"]);
    removals[0]?.();
    expect(asked(socket)).toHaveLength(2);
    removals[1]?.();
    expect(asked(socket)).toEqual(["+tasks.*", "+news", "-tasks.*"]);
  });

  it("are requested one after the other, so that no answer overtakes another", async () => {
    const { agent, socket } = await connectedAgent();
    agent.onMessage("a", () => {})();
    agent.onMessage("a", () => {});
    expect(asked(socket)).toEqual(["+a"]);
    socket.settleSubscriptions();
    expect(asked(socket)).toEqual(["+a"]);
    agent.onMessage("b", () => {})();
    socket.settleSubscriptions();
    expect(asked(socket)).toEqual(["+a", "+b", "-b"]);
  });

  it("are restored on every connection, and only then is the agent ready", async () => {
    const { agent, runtime } = fakeAgent();
    agent.onMessage("a", () => {});
    const order: string[] = [];
    agent.on("ready", () => order.push("ready"));
    const started = agent.start().then(() => order.push("started"));
    const socket = await runtime.socket(1);
    socket.peer.opened();
    socket.ack();
    await settled();
    expect([agent.state, order]).toEqual(["connected", []]);
    socket.settleSubscriptions();
    await started;
    expect(order).toEqual(["ready", "started"]);
    socket.peer.closed(1006, "");
    runtime.advance(SECOND);
    const second = await runtime.socket(2);
    second.peer.opened();
    expect(asked(second)).toEqual(["+a"]);
    expect(order).toHaveLength(2);
    second.settleSubscriptions();
    expect(order.at(-1)).toBe("ready");
    expect(order).toHaveLength(3);
  });

  it("are requested again if the service fails or does not answer", async () => {
    const { agent, socket, runtime } = await connectedAgent({ connectTimeout: 15 });
    agent.onMessage("a", () => {});
    const id = idOf(socket, "subscribe");
    socket.post({ type: "error", code: "internal", message: "the service failed", id });
    runtime.advance(SECOND);
    expect(asked(socket)).toEqual(["+a", "+a"]);
    runtime.advance(17 * SECOND);
    expect(asked(socket)).toEqual(["+a", "+a", "+a"]);
    socket.post({ type: "subscribed", subject: "a", id: idOf(socket, "subscribe") });
    socket.ack();
    runtime.advance(MINUTE);
    expect(asked(socket)).toHaveLength(3);
  });

  it("that are refused are reported, and delay nothing", async () => {
    const { agent, socket } = await connectedAgent();
    const errors: string[] = [];
    const ready: unknown[] = [];
    agent.on("protocolError", ({ message }) => errors.push(message));
    agent.on("ready", (event) => ready.push(event));
    agent.onMessage("a", () => {});
    const id = idOf(socket, "subscribe");
    socket.post({ type: "error", code: "forbidden", message: "not yours", id });
    expect(errors).toEqual(["forbidden: not yours"]);
    expect(ready).toHaveLength(1);
    expect(asked(socket)).toEqual(["+a"]);
  });

  it("to invalid or reserved subjects are refused at once", async () => {
    const { agent } = fakeAgent();
    expect(() => agent.onMessage("a..b", () => {})).toThrow(SubjectError);
    expect(() => agent.onMessage("_inbox.agent-1.>", () => {})).toThrow("not under _inbox");
  });
});

describe("in a rotation, messages", () => {
  /** An agent with two connections, of which the second is not acknowledged yet. */
  async function rotating() {
    const fake = await connectedAgent({ rotateAfter: { min: 10, max: 10 }, closeTimeout: 2 });
    const got: unknown[] = [];
    fake.agent.onMessage("n", (_, data) => got.push(data));
    fake.socket.settleSubscriptions();
    fake.runtime.advance(10 * SECOND);
    const second = await fake.runtime.socket(2);
    second.peer.opened();
    return { ...fake, second, got };
  }
  const post = (socket: FakeSocket, n: number) =>
    socket.post({ type: "message", messageId: `m${n}`, subject: "n", data: n, from: "a2" });

  it("move only when the second connection is acknowledged and subscribed", async () => {
    const { second, agent } = await rotating();
    const rotated: unknown[] = [];
    agent.on("rotated", (event) => rotated.push(event));
    second.ack();
    expect(rotated).toHaveLength(0);
    second.settleSubscriptions();
    expect(rotated).toHaveLength(1);
  });

  it("that arrive on both, or on one, are delivered once and in order", async () => {
    const { socket, second, runtime, got } = await rotating();
    post(socket, 1);
    second.settleSubscriptions();
    second.ack();
    post(second, 2);
    post(second, 3);
    post(socket, 2);
    post(second, 4);
    post(socket, 3);
    await settled();
    expect(got).toEqual([1, 2, 3]);
    runtime.advance(5 * SECOND);
    expect(socket.closedWith).toEqual({ code: 1000, reason: "rotated" });
    post(socket, 4);
    post(second, 5);
    socket.peer.closed(1000, "rotated");
    post(second, 6);
    await settled();
    expect(got).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it.each(["is not answered", "is answered"])(
    "of the second connection wait no longer than the first one's close, which %s",
    async (how) => {
      const { socket, second, runtime, got } = await rotating();
      second.settleSubscriptions();
      second.ack();
      post(second, 1);
      runtime.advance(5 * SECOND);
      if (how === "is answered") socket.peer.closed(1000, "rotated");
      else runtime.advance(2 * SECOND);
      await settled();
      expect(got).toEqual([1]);
    },
  );

  it("that wait are delivered if either connection breaks", async () => {
    const first = await rotating();
    post(first.second, 1);
    first.socket.peer.closed(1006, "");
    await settled();
    expect(first.got).toEqual([1]);
    const second = await rotating();
    post(second.second, 1);
    second.second.peer.closed(1006, "");
    post(second.socket, 2);
    await settled();
    expect(second.got).toEqual([1, 2]);
    const third = await rotating();
    third.second.settleSubscriptions();
    third.second.ack();
    post(third.second, 1);
    third.second.peer.closed(1006, "");
    await settled();
    expect(third.got).toEqual([1]);
    expect(third.socket.terminated).toBe(true);
    expect(third.agent.state).toBe("reconnecting");
  });

  it("do not delay answers", async () => {
    const { agent, socket, second } = await rotating();
    const answer = agent.request("n");
    const { id, replyTo } = socket.sent.at(-1) ?? {};
    socket.post({ type: "published", subject: "n", reached: 1, id });
    second.post({
      type: "message",
      messageId: "m1",
      subject: replyTo,
      data: { result: 7 },
      from: "a2",
    });
    expect(await answer).toBe(7);
  });
});

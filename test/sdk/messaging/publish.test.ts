import {
  ConfigurationError,
  ConnectionError,
  HeartbeatAgent,
  MessageError,
  RequestRefusedError,
  SubjectError,
} from "@agent-heartbeat/sdk";
import { startFakeService } from "@agent-heartbeat/sdk/testing";
import { describe, expect, it } from "@jest/globals";
import { HeartbeatAgent as BrowserAgent } from "../../../sdk/src/browser";
import { connectedAgent, fakeAgent } from "../../../testing/agents";
import { FakeRuntime, type FakeSocket } from "../../../testing/fake-runtime";
import { TEST_KEY } from "../../../testing/keys";

const SECOND = 1000;
const settled = () => new Promise((resolve) => setImmediate(resolve));

const published = ({ sent }: FakeSocket) => sent.filter(({ type }) => type === "publish");
const answer = async (socket: FakeSocket, n: number, reached = 1) => {
  const { id, subject } = published(socket)[n] ?? {};
  socket.post({ type: "published", subject, reached, id });
  await settled();
};

describe("publish()", () => {
  it("sends subject, data and recipient, and returns how many it reached", async () => {
    const { agent, socket } = await connectedAgent();
    const sent = agent.publish("tasks.process", { n: 1 }, { to: "agent-7" });
    expect(published(socket)).toEqual([
      {
        type: "publish",
        subject: "tasks.process",
        data: { n: 1 },
        to: "agent-7",
        id: expect.any(String),
      },
    ]);
    await answer(socket, 0, 3);
    expect(await sent).toEqual({ reached: 3 });
  });

  it("sends the capability that the receiver must have, on the subject direct unless another is given", async () => {
    const { agent, socket } = await connectedAgent();
    void agent.publish(undefined, 1, { capability: "summarize" }).catch(() => undefined);
    void agent.publish("a.b", 2, { capability: "summarize" }).catch(() => undefined);
    const [first, second] = published(socket);
    expect(first).toMatchObject({ subject: "direct", data: 1, capability: "summarize" });
    expect(second).toMatchObject({ subject: "a.b", data: 2, capability: "summarize" });
  });

  it.each<[string, object, string]>([
    ["beside an agent", { to: "b", capability: "x" }, "none beside an agent in `to`"],
    ["that is empty", { capability: "" }, "a text of 1 to 64 characters"],
    ["that is too long", { capability: "x".repeat(65) }, "a text of 1 to 64 characters"],
    ["that is no text", { capability: 7 }, "a text of 1 to 64 characters"],
  ])("refuses a capability %s", async (_, options, expected) => {
    const { agent, socket } = await connectedAgent();
    for (const send of [agent.publish, agent.request]) {
      const refused = expect(send.call(agent, "a", 1, options)).rejects;
      await refused.toMatchObject({
        name: "ConfigurationError",
        message: expect.stringContaining(`option capability: expected ${expected}`),
      });
    }
    expect(published(socket)).toEqual([]);
  });

  it("keeps the order of each subject, as the data was, and lets subjects overtake each other", async () => {
    const { agent, socket } = await connectedAgent();
    const data = { n: 1 };
    const sent = [agent.publish("a", data), agent.publish("a", data), agent.publish("b", 3)];
    data.n = 2;
    const shown = () => published(socket).map(({ subject, data }) => [subject, data]);
    expect(shown()).toEqual([
      ["a", { n: 1 }],
      ["b", 3],
    ]);
    await answer(socket, 0);
    expect(shown().at(-1)).toEqual(["a", { n: 1 }]);
    await answer(socket, 1);
    await answer(socket, 2);
    await Promise.all(sent);
  });

  it("continues with the next one after a refusal", async () => {
    const { agent, socket } = await connectedAgent();
    const [first, second] = [agent.publish("a", 1), agent.publish("a", 2)];
    const { id } = published(socket)[0] ?? {};
    socket.post({ type: "error", code: "forbidden", message: "no", id });
    await expect(first).rejects.toEqual(new RequestRefusedError("forbidden", "no"));
    await settled();
    await answer(socket, 1);
    expect(await second).toEqual({ reached: 1 });
  });

  it("rejects without a connection, and if the connection breaks meanwhile", async () => {
    await expect(fakeAgent().agent.publish("a")).rejects.toThrow(ConnectionError);
    const { agent, socket } = await connectedAgent();
    const sent = [agent.publish("a", 1), agent.publish("a", 2)];
    socket.peer.closed(1006, "");
    for (const each of sent) await expect(each).rejects.toThrow(ConnectionError);
    await expect(agent.publish("a")).rejects.toThrow(ConnectionError);
  });

  it("rejects what is under way when the connection breaks during a drain", async () => {
    const { agent, socket } = await connectedAgent();
    agent.onMessage("n", () => new Promise(() => {}));
    socket.post({ type: "message", subject: "n", data: 1 });
    await settled();
    void agent.drain();
    const sent = agent.publish("a", 1);
    socket.peer.closed(1006, "");
    expect(agent.state).toBe("draining");
    await expect(sent).rejects.toThrow(ConnectionError);
  });

  it("rejects at once what is under way when another connection stands in for a broken one", async () => {
    const { agent, socket, runtime } = await connectedAgent({ rotateAfter: { min: 10, max: 10 } });
    runtime.advance(10 * SECOND);
    (await runtime.socket(2)).peer.opened();
    const sent = agent.publish("a", 1);
    socket.peer.closed(1006, "");
    expect(agent.state).toBe("connected");
    await expect(sent).rejects.toThrow(ConnectionError);
  });

  it.each([
    [
      "a..b",
      1,
      SubjectError,
      'expected tokens of letters, digits and _-@:/+=%~ joined by dots, got "a..b"',
    ],
    ["a.*", 1, SubjectError, 'got "a.*"'],
    ["a", 1n, MessageError, "a: data: expected JSON, got [object BigInt]"],
    ["a", "x".repeat(131_072), MessageError, "expected a message of at most 131072 bytes"],
    ["a", "é".repeat(66_000), MessageError, "got 132"],
  ])("refuses %s before it sends anything", async (subject, data, kind, message) => {
    const { agent, socket } = await connectedAgent();
    const sent = agent.publish(subject, data);
    await expect(sent).rejects.toThrow(kind);
    await expect(sent).rejects.toThrow(message);
    expect(published(socket)).toHaveLength(0);
  });

  const cycle: Record<string, unknown> = {};
  cycle.self = [cycle];
  it.each<[string, unknown, string]>([
    ["NaN", { a: [1, Number.NaN] }, "data.a[1]: expected JSON, got NaN"],
    ["an infinite number", { n: -1 / 0 }, "data.n: expected JSON, got -Infinity"],
    ["a BigInt", [1n], "data[0]: expected JSON, got [object BigInt]"],
    ["undefined in an array", [undefined], "data[0]: expected JSON, got [object Undefined]"],
    ["a hole in an array", new Array(1), "data[0]: expected JSON, got [object Undefined]"],
    ["a function", { f: () => 1 }, "data.f: expected JSON, got [object Function]"],
    ["a symbol", Symbol("s"), "data: expected JSON, got [object Symbol]"],
    ["a Map", { m: new Map([[1, 2]]) }, "data.m: expected JSON, got [object Map]"],
    ["a Set", new Set(), "data: expected JSON, got [object Set]"],
    ["bytes", new Uint8Array(2), "data: expected JSON, got [object Uint8Array]"],
    ["an error", { e: new Error("x") }, "data.e: expected JSON, got [object Error]"],
    ["a regular expression", /x/, "data: expected JSON, got [object RegExp]"],
    ["a promise", { p: Promise.resolve() }, "data.p: expected JSON, got [object Promise]"],
    [
      "a date that is none",
      { at: { toJSON: () => Number.NaN } },
      "data.at: expected JSON, got NaN",
    ],
    ["a cycle", cycle, "expected JSON, got too deep"],
  ])("refuses %s, which JSON would change or lose, by its path", async (_, data, message) => {
    const { agent, socket } = await connectedAgent();
    const sent = agent.publish("a", data);
    await expect(sent).rejects.toThrow(MessageError);
    await expect(sent).rejects.toThrow(message);
    expect(published(socket)).toHaveLength(0);
  });

  it("reports what a getter of the data has thrown", async () => {
    const { agent } = await connectedAgent();
    const data = {
      get x() {
        throw new Error("not now");
      },
    };
    await expect(agent.publish("a", data)).rejects.toThrow("a: not now");
  });

  it("sends what an object's toJSON returns, and an object without its undefined members", async () => {
    const { agent, socket } = await connectedAgent();
    class Task {
      file = "a.pdf";
      note = undefined;
    }
    const at = new Date(Date.UTC(2026, 0, 1));
    const name = JSON.parse('{"__proto__":1}');
    void agent.publish("a", [new Task(), at, name, Object.create(null)]).catch(() => {});
    expect(JSON.stringify(published(socket)[0]?.data)).toBe(
      '[{"file":"a.pdf"},"2026-01-01T00:00:00.000Z",{"__proto__":1},{}]',
    );
  });

  it("uses the subject direct if only a recipient is named", async () => {
    const { agent, socket } = await connectedAgent();
    const sent = agent.publish(undefined, 1, { to: "agent-7" });
    expect(published(socket)[0]).toMatchObject({ subject: "direct", to: "agent-7", data: 1 });
    await answer(socket, 0);
    expect(await sent).toEqual({ reached: 1 });
    await expect(agent.publish(undefined, 1)).rejects.toThrow(SubjectError);
  });

  it("counts the time-out from the call, and sends nothing whose time has passed", async () => {
    const { agent, socket, runtime } = await connectedAgent({ requestTimeout: 5 });
    const sent = Array.from({ length: 200 }, (_, n) => agent.publish("a", n));
    const results = sent.map((each) => each.catch((error: unknown) => error));
    // A link of 100 ms: the confirmation of each comes so late.
    for (let n = 0; n < 49; n += 1) {
      runtime.advance(100);
      await answer(socket, n);
    }
    expect(published(socket)).toHaveLength(50);
    runtime.advance(100);
    // What comes too late for the last one that was sent.
    await answer(socket, 49);
    const all = (await Promise.all(results)) as { reached?: number; sent?: boolean }[];
    expect(all.filter(({ reached }) => reached === 1)).toHaveLength(49);
    expect(all.filter(({ sent }) => sent === true)).toHaveLength(1);
    expect(all.filter(({ sent }) => sent === false)).toHaveLength(150);
    expect(String(all.at(-1))).toBe(
      "RequestTimeoutError: a: expected a reply within 5 s; not sent",
    );
    await settled();
    expect(published(socket)).toHaveLength(50);
    const next = agent.publish("a", "next");
    await answer(socket, 50);
    expect(await next).toEqual({ reached: 1 });
  });

  it("sends the next one only when one that has timed out while waiting would have had its turn", async () => {
    const { agent, socket, runtime } = await connectedAgent({ requestTimeout: 5 });
    void agent.request("a", 1, { timeout: 60 }).catch(() => {});
    const late = agent.publish("a", 2);
    runtime.advance(5 * SECOND);
    await expect(late).rejects.toMatchObject({ sent: false });
    void agent.publish("a", 3).catch(() => {});
    await settled();
    expect(published(socket).map(({ data }) => data)).toEqual([1]);
    await answer(socket, 0);
    expect(published(socket).map(({ data }) => data)).toEqual([1, 3]);
    socket.peer.closed(1006, "");
  });

  it("lets so many messages wait, and refuses further ones", async () => {
    const { agent, socket } = await connectedAgent({ sendQueue: 2 });
    const sent = [1, 2, 3].map((n) => agent.publish("a", n));
    await expect(agent.publish("a", 4)).rejects.toThrow(
      new MessageError("a: expected at most 2 in sendQueue, got more"),
    );
    await expect(agent.request("a", 4)).rejects.toThrow(MessageError);
    for (const n of [0, 1, 2]) await answer(socket, n);
    await Promise.all(sent);
    const later = agent.publish("a", 5);
    await answer(socket, 3);
    expect(await later).toEqual({ reached: 1 });
  });

  it("refuses a recipient that is not an agent id", async () => {
    const { agent } = await connectedAgent();
    await expect(agent.publish("a", 1, { to: "a b" })).rejects.toThrow(ConfigurationError);
  });

  it("sends a message of nearly 128 KB in frames of at most 32 KB", async () => {
    const gateway = await startFakeService();
    const options = { agentId: "agent-1", organizationId: "acme", logger: null };
    const agent = new HeartbeatAgent({ ...options, url: gateway.url, privateKey: TEST_KEY });
    await agent.start();
    const data = "é".repeat(65_000);
    expect(await agent.publish("a", data)).toEqual({ reached: 0 });
    expect(gateway.last.messages.find(({ type }) => type === "publish")?.data).toBe(data);
    expect(gateway.last.longestFrame).toBe(32 * 1024);
    await agent.stop();
    await gateway.close();
  });

  it("in a browser, which can't split messages, refuses what is larger than a frame", async () => {
    const runtime = new FakeRuntime();
    const options = { agentId: "page", organizationId: "acme", url: "wss://gateway.test/prod" };
    const agent = new BrowserAgent({ ...options, privateKey: TEST_KEY, logger: null, runtime });
    void agent.run();
    (await runtime.socket(1)).peer.opened();
    const sent = agent.publish("a", "x".repeat(32 * 1024));
    await expect(sent).rejects.toThrow("expected a message of at most 32768 bytes");
  });
});

import {
  ConfigurationError,
  ConnectionError,
  HeartbeatAgent,
  MessageError,
  RequestRefusedError,
  SubjectError,
} from "@agent-heartbeat/sdk";
import { describe, expect, it } from "@jest/globals";
import { HeartbeatAgent as BrowserAgent } from "../../../sdk/src/browser";
import { connectedAgent, fakeAgent } from "../../../testing/agents";
import { FakeRuntime, type FakeSocket } from "../../../testing/fake-runtime";
import { Gateway } from "../../../testing/gateway";
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
  it("sends subject, data and recipient, and tells how many it reached", async () => {
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

  it("goes on with the next when one was refused", async () => {
    const { agent, socket } = await connectedAgent();
    const [first, second] = [agent.publish("a", 1), agent.publish("a", 2)];
    const { id } = published(socket)[0] ?? {};
    socket.post({ type: "error", code: "forbidden", message: "no", id });
    await expect(first).rejects.toEqual(new RequestRefusedError("forbidden", "no"));
    await answer(socket, 1);
    expect(await second).toEqual({ reached: 1 });
  });

  it("rejects without a connection, and for what is under way when it breaks", async () => {
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
    ["a", 1n, MessageError, "a: expected data that is JSON"],
    ["a", "x".repeat(131_072), MessageError, "expected a message of at most 131072 bytes"],
    ["a", "é".repeat(66_000), MessageError, "got 132"],
  ])("refuses %s before it sends anything", async (subject, data, kind, message) => {
    const { agent, socket } = await connectedAgent();
    const sent = agent.publish(subject, data);
    await expect(sent).rejects.toThrow(kind);
    await expect(sent).rejects.toThrow(message);
    expect(published(socket)).toHaveLength(0);
  });

  it("refuses a recipient that is no agent id", async () => {
    const { agent } = await connectedAgent();
    await expect(agent.publish("a", 1, { to: "a b" })).rejects.toThrow(ConfigurationError);
  });

  it("sends a message of nearly 128 KB in frames of at most 32 KB", async () => {
    const gateway = await Gateway.start();
    const options = { agentId: "agent-1", organizationId: "acme", logger: null };
    const agent = new HeartbeatAgent({ ...options, url: gateway.url, privateKey: TEST_KEY });
    await agent.start();
    const socket = gateway.last.socket as unknown as { _receiver: object; _socket: object };
    const frames: number[] = [];
    const receiver = socket._receiver as {
      getData(callback: unknown): void;
      _payloadLength: number;
    };
    const getData = receiver.getData.bind(receiver);
    receiver.getData = (callback) => {
      if (!frames.includes(receiver._payloadLength)) frames.push(receiver._payloadLength);
      getData(callback);
    };
    const data = "é".repeat(65_000);
    expect(await agent.publish("a", data)).toEqual({ reached: 1 });
    expect(gateway.last.received.find(({ type }) => type === "publish")?.data).toBe(data);
    expect(frames.length).toBeGreaterThan(0);
    expect(Math.max(...frames)).toBe(32 * 1024);
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

import { type AgentEvents, HeartbeatAgent, publicKeyOf, SimpleAgent } from "@agent-heartbeat/sdk";
import { type FakeService, startFakeService } from "@agent-heartbeat/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { fastRuntime } from "../../../testing/fast-runtime";
import { FaultProxy } from "../../../testing/fault-proxy";
import { TEST_KEY } from "../../../testing/keys";

let gateway: FakeService;
let proxy: FaultProxy;
const agents: HeartbeatAgent[] = [];

beforeEach(async () => {
  gateway = await startFakeService({ keys: [await publicKeyOf(TEST_KEY)] });
  proxy = await FaultProxy.start(gateway.port);
});

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.stop()));
  await proxy.close();
  await gateway.close();
});

/** An agent behind the proxy, whose time runs 50 times as fast. */
function newAgent(options: object = {}): HeartbeatAgent {
  const agent = new HeartbeatAgent({
    agentId: "agent-1",
    organizationId: "acme",
    url: proxy.url,
    privateKey: TEST_KEY,
    heartbeatInterval: 30,
    logger: null,
    runtime: fastRuntime(50),
    ...options,
  });
  agents.push(agent);
  return agent;
}

/** The next event of a kind. */
const next = <Name extends keyof AgentEvents>(agent: HeartbeatAgent, name: Name) =>
  new Promise<AgentEvents[Name]>((resolve) => {
    const remove = agent.on(name, (event) => {
      remove();
      resolve(event);
    });
  });

/** Resolves when the agent is connected and has had an ack. */
async function acknowledged(agent: HeartbeatAgent): Promise<void> {
  while (!agent.getConnectionHealth().healthy) await next(agent, "heartbeatAck");
}

describe("over a real network, an agent reconnects after", () => {
  it("a freeze, in which nothing ends and nothing arrives", async () => {
    const agent = newAgent({ heartbeatInterval: 10 });
    void agent.run();
    await acknowledged(agent);
    proxy.freeze();
    const lost = await next(agent, "attemptFailed");
    expect(lost.failure).toMatchObject({ kind: "unresponsive", message: "no ack within 30 s" });
    proxy.thaw();
    await acknowledged(agent);
  });

  it("a reset", async () => {
    const agent = newAgent();
    void agent.run();
    await acknowledged(agent);
    proxy.reset();
    expect((await next(agent, "attemptFailed")).failure.kind).toBe("network");
    await acknowledged(agent);
    await gateway.until(() => gateway.open.length === 1);
  });

  it("a half-closed connection", async () => {
    const agent = newAgent();
    void agent.run();
    await acknowledged(agent);
    proxy.halfClose();
    expect((await next(agent, "attemptFailed")).failure).toMatchObject({
      kind: "network",
      code: 1006,
    });
    await acknowledged(agent);
  });

  it("a period in which connections are refused", async () => {
    const agent = newAgent();
    void agent.run();
    await acknowledged(agent);
    await proxy.refuse();
    for (let attempts = 0; attempts < 3; ) ({ attempts } = await next(agent, "attemptFailed"));
    await proxy.accept();
    await acknowledged(agent);
  });

  it.each([401, 403, 409, 429, 500, 503])("a handshake that is refused with %d", async (status) => {
    const retryAfter: Record<string, string> = status === 429 ? { "retry-after": "2" } : {};
    gateway.refuse = (_, n) => (n <= 2 ? { status, headers: retryAfter } : undefined);
    const agent = newAgent();
    void agent.run();
    const failed = await next(agent, "attemptFailed");
    expect(failed.failure.status).toBe(status);
    if (status === 429) expect(failed.retryInMs).toBeGreaterThanOrEqual(2_000);
    await acknowledged(agent);
    expect(gateway.logins.length).toBe(3);
  });

  it.each([1000, 1001, 1012])("a close with code %d", async (code) => {
    const agent = newAgent();
    void agent.run();
    await acknowledged(agent);
    gateway.last.close(code);
    expect((await next(agent, "attemptFailed")).failure.code).toBe(code);
    await acknowledged(agent);
  });

  it("a freeze of the handshake", async () => {
    proxy.freeze();
    const agent = newAgent({ connectTimeout: 5 });
    void agent.run();
    const { failure } = await next(agent, "attemptFailed");
    expect(failure.message).toBe("no handshake within 5 s");
    proxy.thaw();
    await acknowledged(agent);
  });
});

describe("over a real network, an agent", () => {
  it("stays connected if everything arrives late", async () => {
    proxy.delay(50);
    const agent = newAgent({ heartbeatInterval: 10 });
    void agent.run();
    await acknowledged(agent);
    for (let acks = 0; acks < 3; acks++) await next(agent, "heartbeatAck");
    expect(agent.getConnectionHealth()).toMatchObject({ healthy: true, reconnectAttempts: 0 });
    expect(agent.getConnectionHealth().roundTripMs).toBeGreaterThanOrEqual(100);
    expect(gateway.connections).toHaveLength(1);
  });

  it("closes as drained, and the server sees the code and the reason", async () => {
    const agent = newAgent();
    const ended = agent.run();
    await acknowledged(agent);
    await agent.drain();
    await gateway.until(() => gateway.open.length === 0);
    expect(gateway.last.closed).toEqual({ code: 1000, reason: "drained" });
    expect(gateway.last.messages.at(-1)).toMatchObject({ activity: { state: "draining" } });
    expect(await ended).toBe("drained");
  });

  it("corrects its clock after a refused login, and logs in at once", async () => {
    const runtime = fastRuntime(50);
    const now = runtime.now ?? Date.now;
    const agent = newAgent({ runtime: { ...runtime, now: () => now() - 3_600_000 } });
    void agent.run();
    const { clockSkewMs } = await next(agent, "clockSkew");
    await acknowledged(agent);
    expect(gateway.logins.length).toBe(2);
    expect(Math.round(clockSkewMs / 60_000)).toBe(-60);
  });

  it("with a key that is not registered is refused, and retries", async () => {
    gateway.keys = [];
    const agent = newAgent();
    void agent.run();
    const { failure, retryInMs } = await next(agent, "attemptFailed");
    expect(failure).toMatchObject({ kind: "refused", status: 403 });
    expect(retryInMs).not.toBeNull();
    expect(agent.state).toBe("connecting");
  });

  it("ignores frames that are not messages, or are binary", async () => {
    const agent = newAgent();
    void agent.run();
    await acknowledged(agent);
    const reported = next(agent, "protocolError");
    gateway.last.send("{");
    gateway.last.send(Buffer.from([1, 2, 3]));
    await reported;
    await next(agent, "heartbeatAck");
    expect(gateway.connections).toHaveLength(1);
  });

  it("requests the list of agents and receives the reply", async () => {
    const agent = newAgent();
    await agent.start();
    expect(await agent.list()).toMatchObject({
      agents: [{ agentId: "agent-1", status: "online" }],
    });
  });

  it("rotates three times without a lost or doubled message and without a change of state", async () => {
    const agent = newAgent({ rotateAfter: { min: 10, max: 12 }, messageQueue: 1_000_000 });
    const got: number[] = [];
    agent.onMessage("stream", (_, data) => got.push(data as number));
    const states: string[] = [];
    agent.on("state", ({ state }) => states.push(state));
    let rotations = 0;
    agent.on("rotated", () => rotations++);
    void agent.run();
    await acknowledged(agent);
    let sent = 0;
    // To the newest connection that has spoken, as the service would, and never to two.
    const post = () => {
      const to = gateway.open.findLast(({ messages }) => messages.length > 0);
      if (to) gateway.send({ type: "message", subject: "stream", data: sent++ }, [to]);
    };
    while (rotations < 3) {
      post();
      await new Promise((resolve) => setImmediate(resolve));
    }
    post();
    await gateway.until(() => gateway.open.length === 1);
    await agent.list();
    await new Promise((resolve) => setImmediate(resolve));
    expect(got).toEqual([...Array(sent).keys()]);
    expect(states).toEqual(["connecting", "connected"]);
    expect(new Set(gateway.connections.map(({ instanceId }) => instanceId)).size).toBe(1);
    expect(gateway.connections.slice(0, 3).map(({ closed }) => closed)).toEqual(
      Array(3).fill({ code: 1000, reason: "rotated" }),
    );
  });

  it("that is superseded ends, and the newer one stays", async () => {
    const [older, newer] = [newAgent(), newAgent()];
    const ended = older.run();
    await acknowledged(older);
    void newer.run();
    await acknowledged(newer);
    expect(await ended).toBe("superseded");
    await gateway.until(() => gateway.open.length === 1);
    expect(gateway.logins.length).toBe(2);
    expect(newer.state).toBe("connected");
  });

  it("that must not reconnect has a run() that ends with the connection", async () => {
    const agent = newAgent({ autoReconnect: false });
    const ended = agent.run();
    await acknowledged(agent);
    gateway.last.close(1000);
    await expect(ended).rejects.toThrow("closed with code 1000");
  });
});

describe("SimpleAgent over a real network", () => {
  it("connects, receives, and ends with its connection", async () => {
    const options = { agentId: "simple", organizationId: "acme", url: proxy.url, logger: null };
    const agent = new SimpleAgent({ ...options, privateKey: TEST_KEY });
    const got = new Promise((resolve) => agent.onMessage("tasks", (_, data) => resolve(data)));
    const ended = agent.run();
    await gateway.until(() => gateway.open.length === 1);
    gateway.send({ type: "message", subject: "tasks", data: 7 });
    expect(await got).toBe(7);
    await agent.stop();
    expect(await ended).toBe("stop");
    expect(gateway.last.messages.map(({ type }) => type)).toEqual(["subscribe"]);
  });
});

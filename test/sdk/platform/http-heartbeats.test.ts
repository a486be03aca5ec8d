import { HeartbeatAgent, type NodeAgentOptions, publicKeyOf } from "@agent-heartbeat/sdk";
import { type FakeService, startFakeService } from "@agent-heartbeat/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { connectedAgent, type FakeAgent } from "../../../testing/agents";
import { FakeRuntime, type FakeSocket } from "../../../testing/fake-runtime";
import { TEST_KEY } from "../../../testing/keys";

const SECOND = 1000;

let runtime: FakeRuntime;
let service: FakeService;
let fake: FakeAgent & { socket: FakeSocket };

beforeEach(async () => {
  runtime = new FakeRuntime();
  // The second heartbeat of a connection follows a whole interval after the first.
  runtime.chance = 1;
  const keys = [await publicKeyOf(TEST_KEY)];
  service = await startFakeService({ keys, now: runtime.now });
});

afterEach(async () => {
  fake?.agent.stop();
  fake?.socket.peer.closed(1000, "");
  await service.close();
});

async function connected(options: Partial<NodeAgentOptions> = {}) {
  const { httpUrl } = service;
  fake = await connectedAgent({ heartbeatTransport: "http", httpUrl, ...options }, runtime);
  return fake;
}
const http = () => fake.agent.getConnectionHealth().http;
/** Lets an interval pass, and waits until the heartbeat over HTTP is done with. */
async function interval(done: "acked" | "failed" = "acked", ms = 30 * SECOND) {
  const { failedAttempts = 0 } = http() ?? {};
  const acked = new Promise((resolve) => fake.agent.once("heartbeatAck", resolve));
  runtime.advance(ms);
  if (done === "acked") await acked;
  else
    await service.until(() => http()?.failedAttempts === failedAttempts + 1, "a failed heartbeat");
}

describe("heartbeats over HTTP", () => {
  it("are posted on schedule, each with a new token, and keep the connection healthy", async () => {
    const { agent, socket } = await connected();
    expect(socket.heartbeats).toHaveLength(1);
    await interval();
    await interval();
    expect(socket.heartbeats).toHaveLength(1);
    const { claims } = socket;
    const [first, second] = service.httpRequests;
    expect(first).toMatchObject({
      method: "POST",
      path: "/heartbeat",
      activity: { state: "idle" },
      claims: {
        aud: service.httpUrl,
        sub: "agent-1",
        instance_id: claims.instance_id,
        heartbeat_interval: 30,
        heartbeat_timeout: 90,
      },
    });
    expect(second?.claims.iat).toBeGreaterThan(first?.claims.iat as number);
    expect(agent.getConnectionHealth()).toMatchObject({
      healthy: true,
      secondsSinceAck: 0,
      http: {
        healthy: true,
        lastHeartbeatAck: runtime.now(),
        failedAttempts: 0,
        lastFailure: null,
      },
    });
  });

  it("never leave the WebSocket silent for over five minutes", async () => {
    const { socket } = await connected();
    const carriedAt = [runtime.monotonic()];
    for (let minutes = 0; minutes < 20; minutes += 0.5) {
      const before = socket.heartbeats.length;
      const acked = new Promise((resolve) => fake.agent.once("heartbeatAck", resolve));
      runtime.advance(30 * SECOND);
      if (socket.heartbeats.length > before) {
        carriedAt.push(runtime.monotonic());
        socket.ack({ serverTime: runtime.now() });
      }
      await acked;
    }
    const gaps = carriedAt.slice(1).map((at, n) => at - (carriedAt[n] as number));
    expect(Math.max(...gaps)).toBe(300 * SECOND);
    expect(gaps).toHaveLength(4);
  });

  it("are sent over the WebSocket at once while HTTP fails, and over HTTP again when it works", async () => {
    const warnings: string[] = [];
    const logger = { warn: (text: string) => warnings.push(text), error: () => {} };
    const { agent, socket } = await connected({ logger });
    service.refuseHttp = { status: 503, headers: { "retry-after": "20" } };
    await interval("failed");
    await service.until(() => socket.heartbeats.length === 2, "a heartbeat on the WebSocket");
    socket.ack({ serverTime: runtime.now() });
    expect(agent.getConnectionHealth()).toMatchObject({
      healthy: true,
      http: {
        healthy: false,
        failedAttempts: 1,
        lastFailure: { status: 503, reason: "refused with status 503", at: runtime.now() },
      },
    });
    // The first window is 2 s, on top of the 20 s that the service asks for.
    await interval("failed");
    expect(socket.heartbeats).toHaveLength(3);
    socket.ack();
    service.refuseHttp = undefined;
    await interval();
    expect(socket.heartbeats).toHaveLength(3);
    expect(http()).toMatchObject({ healthy: true, failedAttempts: 0 });
    expect(warnings).toEqual([
      "agent-1: a heartbeat over HTTP failed: refused with status 503; they go over the WebSocket until HTTP works again",
    ]);
  });

  it("wait for as long as Retry-After says", async () => {
    const { socket } = await connected();
    service.refuseHttp = { status: 429, headers: { "retry-after": "100" } };
    await interval("failed");
    socket.ack();
    service.refuseHttp = undefined;
    for (const count of [3, 4, 5]) {
      runtime.advance(30 * SECOND);
      expect(socket.heartbeats).toHaveLength(count);
      socket.ack();
    }
    await interval();
    expect(service.httpRequests).toHaveLength(2);
  });

  it("are sent over the WebSocket while one has no answer yet, so that there are never two at once", async () => {
    const { socket } = await connected({ heartbeatInterval: 10, connectTimeout: 60 });
    service.refuseHttp = { status: 0 };
    runtime.advance(10 * SECOND);
    await service.httpRequest();
    runtime.advance(9.9 * SECOND);
    expect(socket.heartbeats).toHaveLength(1);
    // What is given up is sent on the WebSocket, as is the next.
    runtime.advance(0.1 * SECOND);
    await service.until(() => http()?.failedAttempts === 1);
    await service.until(() => socket.heartbeats.length === 3);
    expect(http()?.lastFailure).toMatchObject({ status: null, reason: "no answer within 10 s" });
    expect(service.httpRequests).toHaveLength(1);
  });

  it("load the key again only after a refusal", async () => {
    let asked = 0;
    const privateKey = () => {
      asked += 1;
      return TEST_KEY;
    };
    const { socket } = await connected({ privateKey });
    await interval();
    await interval();
    expect(asked).toBe(2);
    const refusal = { status: 403, headers: { date: new Date(runtime.now()).toUTCString() } };
    service.refuseHttp = (_, attempt) => (attempt === 3 ? refusal : undefined);
    await interval();
    expect(asked).toBe(3);
    expect(service.httpRequests).toHaveLength(4);
    expect(socket.heartbeats).toHaveLength(1);
  });

  it("do not wait for a key that never loads", async () => {
    const never = new Promise<string>(() => {});
    let asked = 0;
    const { socket } = await connected({
      heartbeatTimeoutMultiplier: 1.5,
      privateKey: () => (asked++ === 0 ? TEST_KEY : never),
    });
    runtime.advance(30 * SECOND);
    await service.until(() => asked === 2);
    runtime.advance(7.5 * SECOND);
    await service.until(() => socket.heartbeats.length === 2);
    expect(http()).toMatchObject({ failedAttempts: 1 });
  });

  it("are corrected at once if a refusal shows that the clock is off", async () => {
    runtime.step(3_600 * SECOND);
    const keys = service.keys ?? [];
    await service.close();
    service = await startFakeService({ keys, now: () => runtime.now() - 3_600 * SECOND });
    const { socket } = await connected();
    await interval();
    expect(socket.heartbeats).toHaveLength(1);
    expect(service.httpRequests).toHaveLength(2);
    expect(http()).toMatchObject({ healthy: true, failedAttempts: 0 });
  });

  it("leave unscheduled ones to the WebSocket: when the agent begins to drain, and to probe the WebSocket", async () => {
    const { agent, socket } = await connected();
    const handled = new Promise<void>((resolve) => {
      agent.onMessage("work", () => new Promise(() => resolve()));
    });
    socket.settleSubscriptions();
    socket.post({ type: "message", subject: "work", data: 1, from: "x" });
    await handled;
    runtime.advance(10 * SECOND);
    agent.reconnect();
    expect(socket.heartbeats).toHaveLength(2);
    runtime.advance(10 * SECOND);
    void agent.drain();
    expect(socket.heartbeats).toHaveLength(3);
    expect(socket.heartbeats.at(-1)).toMatchObject({ activity: { state: "draining" } });
    expect(service.httpRequests).toHaveLength(0);
  });

  it("do not prove that the WebSocket is alive: after a sleep it is probed, and replaced if it does not answer", async () => {
    const { agent, socket } = await connected();
    runtime.sleep(60 * SECOND);
    runtime.advance(30 * SECOND);
    expect(socket.heartbeats.length).toBeGreaterThan(1);
    expect(service.httpRequests).toHaveLength(0);
    runtime.advance(90 * SECOND);
    expect(agent.state).toBe("reconnecting");
    expect(socket.terminated).toBe(true);
  });

  it("do not hide that the WebSocket is silent", async () => {
    const { agent, socket } = await connected();
    for (let beats = 1; beats < 10; beats++) await interval();
    // The tenth is the WebSocket's, and is not answered there.
    runtime.advance(30 * SECOND);
    expect(socket.heartbeats).toHaveLength(2);
    await interval();
    await interval();
    expect(agent.state).toBe("connected");
    runtime.advance(30 * SECOND);
    expect(agent.state).toBe("reconnecting");
    expect(fake.failures.at(-1)?.failure.message).toBe("no answer on the WebSocket within 90 s");
  });

  it("are abandoned when the connection ends", async () => {
    const { agent, socket } = await connected();
    service.refuseHttp = { status: 0 };
    runtime.advance(30 * SECOND);
    await service.httpRequest();
    const ended = agent.stop();
    socket.peer.closed(1000, "");
    await ended;
    expect(socket.heartbeats).toHaveLength(1);
    expect(http()).toMatchObject({ failedAttempts: 0 });
  });

  it("keep the reconnect window that the WebSocket's ack gave", async () => {
    const { socket } = await connected();
    socket.ack({ serverTime: runtime.now(), reconnectWindowMs: 600_000 });
    await interval();
    runtime.chance = 0.5;
    socket.peer.closed(1012, "");
    expect(fake.failures.at(-1)?.retryInMs).toBe(300_000);
  });

  it("follow an interval that the server advises", async () => {
    const { socket } = await connected({ heartbeatInterval: 5 });
    socket.ack({ serverTime: runtime.now(), heartbeatInterval: 20 });
    runtime.advance(5 * SECOND);
    socket.ack({ serverTime: runtime.now(), heartbeatInterval: 20 });
    const before = socket.heartbeats.length;
    await interval("acked", 20 * SECOND);
    expect(socket.heartbeats).toHaveLength(before);
  });
});

describe("an agent with heartbeats over HTTP", () => {
  it.each([
    ["in its thread", { heartbeatThread: true }],
    ["in the same thread", {}],
  ])("sends them %s, and is online by them", async (_, options) => {
    const keys = service.keys ?? [];
    await service.close();
    service = await startFakeService({ keys });
    const agent = new HeartbeatAgent({
      agentId: "agent-2",
      organizationId: "acme",
      url: service.url,
      privateKey: TEST_KEY,
      logger: null,
      heartbeatTransport: "http",
      httpUrl: `${service.httpUrl}/`,
      heartbeatInterval: 1,
      ...options,
    });
    await agent.start();
    await service.httpRequest(2);
    await service.until(() => agent.getConnectionHealth().http?.lastHeartbeatAck);
    expect(agent.getConnectionHealth()).toMatchObject({
      healthy: true,
      http: { failedAttempts: 0 },
    });
    expect(service.agents).toMatchObject([{ status: "online", connectedAt: expect.any(Number) }]);
    await agent.drain();
    await service.until(() => service.agents[0]?.status === "offline");
    expect(service.agents[0]).toMatchObject({ reason: "drained" });
  });

  it.each([
    [{ heartbeatTransport: "carrier pigeon" }, 'expected "websocket" or "http", got'],
    [{ heartbeatTransport: "http" }, "option httpUrl: expected the https:// URL"],
    [{ heartbeatTransport: "http", httpUrl: "wss://x.test" }, "option httpUrl: expected"],
  ])("is not made with %j", (options, message) => {
    const common = { agentId: "a", organizationId: "o", url: "wss://x.test", privateKey: TEST_KEY };
    const make = () => new HeartbeatAgent({ ...common, ...(options as object) });
    expect(make).toThrow(message);
  });
});

import { ConfigurationError, HeartbeatAgent, SimpleAgent } from "@agent-heartbeat/sdk";
import { describe, expect, it } from "@jest/globals";
import { FakeRuntime } from "../../testing/fake-runtime";
import { TEST_KEY } from "../../testing/keys";

const GOOD = {
  agentId: "agent-1",
  organizationId: "acme",
  url: "wss://gateway.test/prod",
  privateKey: TEST_KEY,
};

describe("options", () => {
  it.each([
    [{ agentId: "" }, /^option agentId: expected 1 to 128 letters, digits or .*, got ""$/],
    [{ agentId: "a b" }, 'got "a b"'],
    [{ organizationId: undefined }, "option organizationId: expected 1 to 128"],
    [
      { url: "https://gateway.test" },
      'option url: expected a wss:// URL, got "https://gateway.test"',
    ],
    [{ url: "gateway" }, 'option url: expected a wss:// URL, got "gateway"'],
    [{ heartbeatInterval: 0 }, "option heartbeatInterval: expected a number from 1 to 540, got 0"],
    [{ heartbeatInterval: 541 }, "option heartbeatInterval"],
    [{ heartbeatInterval: "30" }, 'got "30"'],
    [{ heartbeatInterval: Number.NaN }, "option heartbeatInterval"],
    [{ heartbeatTimeoutMultiplier: 1 }, "option heartbeatTimeoutMultiplier"],
    [{ ackEvery: 1.5 }, "option ackEvery: expected a whole number, got 1.5"],
    [{ ackEvery: 11 }, "option ackEvery"],
    [{ onDuplicate: "kick" }, 'option onDuplicate: expected "replace" or "reject", got "kick"'],
    [
      { reconnect: { baseDelay: 5, maxDelay: 1 } },
      "option reconnect.maxDelay: expected a number from 5 to 3600, got 1",
    ],
    [{ reconnect: { baseDelay: 0 } }, "option reconnect.baseDelay"],
    [{ reconnect: { maxDelay: 3601 } }, "option reconnect.maxDelay"],
    [{ reconnect: { schedule: 5 } }, "option reconnect.schedule: expected a function, got 5"],
    [{ rotateAfter: { min: 100, max: 7200 } }, "option rotateAfter.max"],
    [{ privateKeyPath: "key.pem" }, "expected either privateKey or privateKeyPath, got both"],
    [{ privateKey: undefined }, "expected privateKey, privateKeyPath or enrolmentToken, got none"],
    [
      { heartbeatThread: true, runtime: {} },
      "expected either heartbeatThread or runtime, got both",
    ],
    [
      { heartbeatThread: true, reconnect: { schedule: () => 5 } },
      "expected either heartbeatThread or reconnect.schedule, got both",
    ],
  ])("%j are refused", (options, message) => {
    const make = () => new HeartbeatAgent({ ...GOOD, ...options } as never);
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow(message);
  });

  const ABSURD = [Number.NaN, Infinity, -Infinity, -1, 2 ** 31, 1e300, "5", null, {}, [5], true];
  const NUMBERS: [name: string, as: (value: unknown) => object][] = [
    ...[
      "heartbeatInterval",
      "heartbeatTimeoutMultiplier",
      "ackEvery",
      "messageConcurrency",
      "messageQueue",
      "sendQueue",
      "connectTimeout",
      "closeTimeout",
      "drainTimeout",
      "requestTimeout",
    ].map((name): [string, (value: unknown) => object] => [name, (value) => ({ [name]: value })]),
    ["reconnect.baseDelay", (baseDelay) => ({ reconnect: { baseDelay } })],
    ["reconnect.maxDelay", (maxDelay) => ({ reconnect: { maxDelay } })],
    ["reconnect.stableAfter", (stableAfter) => ({ reconnect: { stableAfter } })],
    ["rotateAfter.min", (min) => ({ rotateAfter: { min, max: 7000 } })],
    ["rotateAfter.max", (max) => ({ rotateAfter: { min: 10, max } })],
  ];

  it.each(NUMBERS)("name %s if its number is absurd", (name, as) => {
    for (const value of ABSURD) {
      // Null means the default.
      if (value === null) continue;
      const make = () => new HeartbeatAgent({ ...GOOD, ...as(value) } as never);
      expect(make).toThrow(ConfigurationError);
      expect(make).toThrow(`option ${name}: expected `);
    }
  });

  it("of methods are named as well", async () => {
    const agent = new HeartbeatAgent(GOOD);
    for (const value of [...ABSURD, 0]) {
      const maxSilence = value as number;
      expect(() => agent.onMessage("a", () => {}, { maxSilence })).toThrow("option maxSilence");
      const asked = agent.request("a", null, { timeout: value as number });
      await expect(asked).rejects.toThrow("option timeout: expected a number from 0.1 to 86400");
    }
  });

  it("travel in the login as far as the server needs them", async () => {
    const runtime = new FakeRuntime();
    const url = "wss://gateway.test/prod/?token=x";
    const terms = { url, heartbeatInterval: 10, heartbeatTimeoutMultiplier: 2.5 };
    const agent = new HeartbeatAgent({ ...GOOD, ...terms, runtime });
    void agent.run();
    const socket = await runtime.socket(1);
    expect(socket.url).toBe(url);
    expect(socket.protocols[0]).toBe("agent-heartbeat.v1");
    expect(socket.claims).toMatchObject({
      aud: "wss://gateway.test/prod",
      heartbeat_interval: 10,
      heartbeat_timeout: 25,
      instance_id: agent.instanceId,
    });
    await agent.stop();
  });

  it("make a new instance id for each agent", () => {
    expect(new HeartbeatAgent(GOOD).instanceId).not.toBe(new HeartbeatAgent(GOOD).instanceId);
  });
});

describe("SimpleAgent", () => {
  it("takes the same options, sends no heartbeats, does not reconnect, and warns once", async () => {
    const warnings: string[] = [];
    const logger = { error() {}, warn: (line: string) => warnings.push(line) };
    const runtime = new FakeRuntime();
    const options = { ...GOOD, autoReconnect: true, heartbeatInterval: 10, logger, runtime };
    const agent = new SimpleAgent(options);
    new SimpleAgent(options);
    expect(warnings).toEqual([expect.stringContaining("SimpleAgent is for development")]);

    const got: unknown[] = [];
    agent.onMessage("tasks", (_, data) => got.push(data));
    const ended = agent.run();
    const socket = await runtime.socket(1);
    socket.peer.opened();
    socket.settleSubscriptions();
    runtime.advance(3 * 60 * 60 * 1000);
    expect(socket.sent.map(({ type }) => type)).toEqual(["subscribe"]);
    expect(agent.getConnectionHealth()).toMatchObject({ healthy: true, secondsSinceAck: null });
    socket.post({ type: "message", subject: "tasks", data: 1 });
    socket.peer.closed(1001, "");
    await expect(ended).rejects.toThrow("closed with code 1001");
    expect(got).toEqual([1]);
  });
});

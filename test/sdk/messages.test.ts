import { ConnectionError, RequestRefusedError, RequestTimeoutError } from "@agent-heartbeat/sdk";
import { describe, expect, it } from "@jest/globals";
import { connectedAgent, fakeAgent } from "../../testing/agents";

const SECOND = 1000;
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("messages", () => {
  it("go to every handler whose pattern fits, token by token", async () => {
    const { agent, socket } = await connectedAgent();
    const got: string[] = [];
    for (const pattern of ["team.updates", "team.*", "team.>", "team.updates.x", "*"]) {
      agent.onMessage(pattern, (subject) => got.push(`${pattern} ${subject}`));
    }
    socket.post({ type: "message", subject: "team.updates", data: null });
    socket.post({ type: "message", subject: "team.updates2.x", data: null });
    await settled();
    expect(got).toEqual([
      "team.updates team.updates",
      "team.* team.updates",
      "team.> team.updates",
      "team.> team.updates2.x",
    ]);
  });

  it("pass subject, data and sender to the handler", async () => {
    const { agent, socket } = await connectedAgent();
    const calls: unknown[] = [];
    agent.onMessage("tasks.process", (...args) => calls.push(args));
    socket.post({ type: "message", subject: "tasks.process", data: { n: 1 }, from: "agent-7" });
    await settled();
    expect(calls).toEqual([["tasks.process", { n: 1 }, { from: "agent-7" }]]);
  });

  it("no longer reach a handler that was removed", async () => {
    const { agent, socket } = await connectedAgent();
    const got: unknown[] = [];
    const remove = agent.onMessage("tasks", (_, data) => got.push(data));
    remove();
    socket.post({ type: "message", subject: "tasks", data: 1 });
    await settled();
    expect(got).toEqual([]);
  });

  it("of a handler that throws or rejects are reported, and all others are handled", async () => {
    const { agent, socket } = await connectedAgent();
    const errors: unknown[] = [];
    const got: unknown[] = [];
    agent.on("handlerError", ({ subject, error }) => errors.push([subject, String(error)]));
    agent.onMessage("tasks", () => {
      throw new Error("thrown");
    });
    agent.onMessage("tasks", () => Promise.reject(new Error("rejected")));
    agent.onMessage("tasks", (_, data) => got.push(data));
    socket.post({ type: "message", subject: "tasks", data: 1 });
    await settled();
    expect(got).toEqual([1]);
    expect(errors).toEqual([
      ["tasks", "Error: thrown"],
      ["tasks", "Error: rejected"],
    ]);
    expect(agent.state).toBe("connected");
  });

  it("in a handler that never returns hold up neither acks nor heartbeats", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    agent.onMessage("tasks", () => new Promise(() => {}));
    socket.post({ type: "message", subject: "tasks", data: 1 });
    await settled();
    for (let n = 0; n < 10; n++) {
      runtime.advance(30 * SECOND);
      socket.ack();
    }
    expect(agent.getConnectionHealth()).toMatchObject({ healthy: true, state: "connected" });
    expect(socket.heartbeats.at(-1)).toMatchObject({ activity: { state: "working", inFlight: 1 } });
    expect(runtime.sockets).toHaveLength(1);
  });

  it("that are not of the protocol are reported and change nothing", async () => {
    const { agent, socket } = await connectedAgent();
    const errors: string[] = [];
    agent.on("protocolError", ({ message }) => errors.push(message));
    for (const frame of ["{", "null", "[]", '"text"', "{}", '{"type":7}', null]) {
      socket.peer.received(frame);
    }
    socket.post({ type: "from_a_later_version" });
    socket.post({ type: "message", subject: 7 });
    socket.post({ type: "error", code: "unknown_type", message: "expected a type" });
    expect(errors).toEqual([
      ...Array(7).fill("invalid_json: expected a message of the protocol, got another frame"),
      "internal: expected a message of the protocol, got another message",
      "unknown_type: expected a type",
    ]);
    expect(agent.state).toBe("connected");
    expect(socket.isLive).toBe(true);
  });
});

describe("an empty frame", () => {
  it("is ignored in silence: API Gateway may send one for an answer that has no body", async () => {
    const { agent, socket } = await connectedAgent();
    const errors: unknown[] = [];
    agent.on("protocolError", (error) => errors.push(error));
    socket.peer.received("");
    expect(errors).toEqual([]);
    expect(agent.state).toBe("connected");
  });
});

describe("a listener that throws", () => {
  it("is reported, and affects nothing else", async () => {
    const lines: string[] = [];
    const logger = { warn() {}, error: (line: string) => lines.push(line) };
    const { agent, runtime, states } = fakeAgent({ logger });
    agent.on("state", () => {
      throw new Error("listener");
    });
    void agent.run();
    (await runtime.socket(1)).peer.opened();
    expect(states.map(({ state }) => state)).toEqual(["connecting", "connected"]);
    expect(lines[0]).toContain("agent-1: a listener failed: Error: listener");
  });
});

describe("list()", () => {
  it("gets the reply with its own id, whatever the order", async () => {
    const { agent, socket } = await connectedAgent();
    const [first, second] = [agent.list({ status: "online" }), agent.list({ cursor: "c" })];
    expect(socket.sent.slice(1)).toEqual([
      { type: "list", status: "online", id: "1" },
      { type: "list", cursor: "c", id: "2" },
    ]);
    socket.post({ type: "agents", agents: [], cursor: "b", serverTime: 1, id: "2" });
    socket.post({ type: "agents", agents: [], cursor: "a", serverTime: 1, id: "1" });
    expect((await first).cursor).toBe("a");
    expect((await second).cursor).toBe("b");
  });

  it("rejects with the server's error", async () => {
    const { agent, socket } = await connectedAgent();
    const listed = agent.list({ cursor: "x" });
    socket.post({ type: "error", code: "invalid_message", message: "cursor: unknown", id: "1" });
    await expect(listed).rejects.toEqual(
      new RequestRefusedError("invalid_message", "cursor: unknown"),
    );
  });

  it.each([
    [{ type: "agents", agents: {} }, "expected a message of the protocol, got another agents"],
    [{ type: "published", subject: "a", reached: 1 }, 'got "published"'],
  ])("rejects at once when the reply is %j", async (reply, message) => {
    const { agent, socket } = await connectedAgent();
    const listed = agent.list();
    socket.post({ ...reply, id: "1" });
    await expect(listed).rejects.toMatchObject({ code: "internal" });
    await expect(listed).rejects.toThrow(message);
  });

  it("rejects if no reply arrives in time", async () => {
    const { agent, runtime } = await connectedAgent({ requestTimeout: 10 });
    const listed = agent.list();
    runtime.advance(10 * SECOND);
    await expect(listed).rejects.toThrow(RequestTimeoutError);
  });

  it("rejects at once without a connection, and when the connection is lost", async () => {
    await expect(fakeAgent().agent.list()).rejects.toThrow(ConnectionError);
    const { agent, socket } = await connectedAgent();
    const listed = agent.list();
    socket.peer.closed(1006, "");
    await expect(listed).rejects.toThrow(ConnectionError);
    await expect(agent.list()).rejects.toThrow(ConnectionError);
  });
});

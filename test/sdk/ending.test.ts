import type { NodeAgentOptions } from "@agent-heartbeat/sdk";
import { describe, expect, it } from "@jest/globals";
import { connectedAgent, fakeAgent } from "../../testing/agents";
import type { FakeRuntime, FakeSocket } from "../../testing/fake-runtime";

const SECOND = 1000;
const settled = () => new Promise((resolve) => setImmediate(resolve));
/** The time is over in which a superseded process still takes messages. */
const lingered = async (runtime: FakeRuntime) => {
  runtime.advance(2 * SECOND);
  await settled();
};

describe("stop()", () => {
  it("closes with code 1000, and run() resolves when the close is answered", async () => {
    const { agent, socket, ended, states, runtime } = await connectedAgent();
    const stopped = agent.stop();
    await settled();
    expect(socket.closedWith).toEqual({ code: 1000, reason: "stopped" });
    expect(agent.state).toBe("connected");
    socket.peer.closed(1000, "stopped");
    await stopped;
    expect(await ended).toBe("stop");
    expect(states.at(-1)).toMatchObject({ state: "stopped", reason: "stop" });
    expect(runtime.pendingTimers).toBe(0);
  });

  it("does not wait for a close that is never answered", async () => {
    const { agent, socket, ended, runtime } = await connectedAgent({ closeTimeout: 2 });
    void agent.stop();
    await settled();
    runtime.advance(2 * SECOND);
    expect(await ended).toBe("stop");
    expect(socket.terminated).toBe(true);
  });

  it("ends the wait for a next attempt", async () => {
    const { agent, socket, ended, runtime } = await connectedAgent();
    socket.peer.closed(1006, "");
    await agent.stop();
    expect(await ended).toBe("stop");
    expect(runtime.pendingTimers).toBe(0);
  });

  it("cuts off a handshake that is under way", async () => {
    const { agent, runtime } = fakeAgent();
    const ended = agent.run();
    const socket = await runtime.socket(1);
    await agent.stop();
    expect(await ended).toBe("stop");
    expect(socket.terminated).toBe(true);
  });

  it("before the start makes run() end without connecting", async () => {
    const { agent, runtime, states } = fakeAgent();
    await agent.stop();
    expect(await agent.run()).toBe("stop");
    expect(runtime.sockets).toHaveLength(0);
    expect(states.map(({ state }) => state)).toEqual(["stopped"]);
  });

  it("may be called twice, and by a listener", async () => {
    const { agent, runtime } = fakeAgent();
    agent.on("state", ({ state }) => {
      if (state === "connected") void agent.stop();
    });
    const ended = agent.run();
    const socket = await runtime.socket(1);
    socket.peer.opened();
    await settled();
    void agent.stop();
    socket.peer.closed(1000, "");
    expect(await ended).toBe("stop");
  });
});

describe("drain()", () => {
  it("announces it in a heartbeat at once, lets running handlers finish, then closes as drained", async () => {
    const { agent, socket, ended, states } = await connectedAgent();
    let finish = () => {};
    agent.onMessage("tasks", () => new Promise<void>((resolve) => (finish = resolve)));
    socket.post({ type: "message", subject: "tasks", data: 1 });
    await settled();
    void agent.drain();
    await settled();
    expect(socket.heartbeats.at(-1)).toMatchObject({
      activity: { state: "draining", inFlight: 1 },
    });
    expect(socket.isLive).toBe(true);
    expect(agent.state).toBe("draining");
    finish();
    await settled();
    expect(socket.closedWith).toEqual({ code: 1000, reason: "drained" });
    socket.peer.closed(1000, "drained");
    expect(await ended).toBe("drained");
    expect(states.at(-1)).toMatchObject({ state: "stopped", reason: "drained" });
  });

  it("starts no further handler", async () => {
    const { agent, socket } = await connectedAgent();
    const got: unknown[] = [];
    let finish = () => {};
    agent.onMessage("tasks", (_, data) => {
      got.push(data);
      return new Promise<void>((resolve) => (finish = resolve));
    });
    socket.post({ type: "message", subject: "tasks", data: 1 });
    await settled();
    void agent.drain();
    socket.post({ type: "message", subject: "tasks", data: 2 });
    await settled();
    expect(got).toEqual([1]);
    finish();
  });

  it("waits no longer for handlers than drainTimeout", async () => {
    const { agent, socket, runtime } = await connectedAgent({ drainTimeout: 20 });
    agent.onMessage("tasks", () => new Promise(() => {}));
    socket.post({ type: "message", subject: "tasks", data: 1 });
    await settled();
    void agent.drain();
    runtime.advance(20 * SECOND - 1);
    await settled();
    expect(socket.isLive).toBe(true);
    runtime.advance(1);
    await settled();
    expect(socket.closedWith).toMatchObject({ reason: "drained" });
  });

  it("keeps the heartbeats going, over a reconnect too", async () => {
    const { agent, socket, runtime, accept } = await connectedAgent({ drainTimeout: 600 });
    agent.onMessage("tasks", () => new Promise(() => {}));
    socket.post({ type: "message", subject: "tasks", data: 1 });
    await settled();
    void agent.drain();
    socket.peer.closed(1006, "");
    runtime.advance(SECOND);
    const second = await accept(2);
    expect(second.heartbeats[0]).toMatchObject({ activity: { state: "draining" } });
    expect(agent.state).toBe("draining");
  });

  it("ends at once where there is no connection and no work", async () => {
    const { agent, socket, ended } = await connectedAgent();
    socket.peer.closed(1006, "");
    await agent.drain();
    expect(await ended).toBe("drained");
  });

  it("is cut short by stop()", async () => {
    const { agent, socket, ended } = await connectedAgent();
    agent.onMessage("tasks", () => new Promise(() => {}));
    socket.post({ type: "message", subject: "tasks", data: 1 });
    await settled();
    void agent.drain();
    void agent.stop();
    await settled();
    socket.peer.closed(1000, "");
    expect(await ended).toBe("stop");
  });
});

describe("signals", () => {
  it("make run() drain, and a second one makes it stop", async () => {
    const { agent, socket, ended } = await connectedAgent({ signals: ["SIGUSR2"] });
    agent.onMessage("tasks", () => new Promise(() => {}));
    socket.post({ type: "message", subject: "tasks", data: 1 });
    await settled();
    process.emit("SIGUSR2");
    await settled();
    expect(agent.state).toBe("draining");
    process.emit("SIGUSR2");
    await settled();
    expect(socket.closedWith).toMatchObject({ code: 1000 });
    socket.peer.closed(1000, "");
    expect(await ended).toBe("stop");
  });

  it("do not interrupt a drain that began without one", async () => {
    const { agent, socket, ended } = await connectedAgent({ signals: ["SIGUSR2"] });
    let finish = () => {};
    agent.onMessage("tasks", () => new Promise<void>((resolve) => (finish = resolve)));
    socket.post({ type: "message", subject: "tasks", data: 1 });
    await settled();
    void agent.drain();
    process.emit("SIGUSR2");
    await settled();
    expect(socket.isLive).toBe(true);
    finish();
    await settled();
    socket.peer.closed(1000, "drained");
    expect(await ended).toBe("drained");
  });

  it("are left alone once the agent has ended, and share one listener until then", async () => {
    const agents = [];
    for (let n = 0; n < 20; n++) agents.push(await connectedAgent({ signals: ["SIGUSR2"] }));
    expect(process.listenerCount("SIGUSR2")).toBe(1);
    for (const { agent, socket, ended } of agents) {
      void agent.stop();
      await settled();
      socket.peer.closed(1000, "");
      await ended;
    }
    expect(process.listenerCount("SIGUSR2")).toBe(0);
  });
});

describe("an agent that is superseded", () => {
  it("stops, says why, and does not connect again", async () => {
    const warnings: string[] = [];
    const logger = { error() {}, warn: (line: string) => warnings.push(line) };
    const { agent, socket, ended, states, runtime } = await connectedAgent({ logger });
    socket.post({ type: "superseded" });
    await lingered(runtime);
    expect(socket.closedWith).toEqual({ code: 1000, reason: "superseded" });
    socket.peer.closed(1000, "superseded");
    expect(await ended).toBe("superseded");
    expect(states.at(-1)).toMatchObject({ state: "superseded", reason: "superseded" });
    expect(warnings).toEqual([
      "agent-1: another process with the same agent id has taken over: draining",
      "agent-1: another process with the same agent id has taken over: superseded",
    ]);
    expect(runtime.sockets).toHaveLength(1);
    expect(runtime.pendingTimers).toBe(0);
    expect(agent.getConnectionHealth()).toMatchObject({ healthy: false, state: "superseded" });
  });

  const post = (socket: FakeSocket, n: number) =>
    socket.post({
      type: "message",
      messageId: `m${n}`,
      subject: "tasks",
      data: n,
      from: "a2",
      replyTo: `_inbox.a2.${n}`,
    });
  const answers = (socket: FakeSocket) =>
    socket.sent.filter(({ type }) => type === "publish").map(({ id, data }) => ({ id, data }));
  async function busyAgent(options: Partial<NodeAgentOptions> = {}) {
    const connected = await connectedAgent(options);
    const finish: (() => void)[] = [];
    connected.agent.onMessage("tasks", async (_, n) => {
      await new Promise<void>((resolve) => finish.push(resolve));
      return n;
    });
    connected.socket.settleSubscriptions();
    post(connected.socket, 1);
    await settled();
    return { ...connected, finish };
  }

  it("handles and answers what came before, or was on its way, and ends then", async () => {
    const { agent, socket, runtime, ended, finish, states } = await busyAgent();
    post(socket, 2);
    socket.post({ type: "superseded" });
    runtime.advance(2 * SECOND - 1);
    post(socket, 3);
    await lingered(runtime);
    post(socket, 4);
    await settled();
    expect(agent.state).toBe("draining");
    expect(answers(socket)).toMatchObject([{ data: { error: { code: "unavailable" } } }]);
    for (const n of [1, 2, 3]) {
      expect(socket.isLive).toBe(true);
      finish.shift()?.();
      await settled();
      expect(answers(socket).at(-1)).toMatchObject({ data: { result: n } });
    }
    expect(socket.isLive).toBe(true);
    for (const { id } of answers(socket)) {
      socket.post({ type: "published", subject: "_inbox.a2.1", reached: 1, id });
    }
    await settled();
    expect(socket.closedWith).toEqual({ code: 1000, reason: "superseded" });
    socket.peer.closed(1000, "");
    expect(await ended).toBe("superseded");
    expect(states.slice(-2).map(({ state, reason }) => [state, reason])).toEqual([
      ["draining", "superseded"],
      ["superseded", "superseded"],
    ]);
  });

  it("is also announced on a connection that a rotation is about to close", async () => {
    for (const linger of [0, 5 * SECOND]) {
      const options = { rotateAfter: { min: 10, max: 10 } };
      const { socket, runtime, accept, states, agent } = await connectedAgent(options);
      runtime.advance(10 * SECOND);
      const second = await accept(2);
      runtime.advance(linger);
      socket.post({ type: "superseded" });
      await lingered(runtime);
      expect(states.at(-1)).toMatchObject({ state: "draining", reason: "superseded" });
      expect(second.closedWith).toEqual({ code: 1000, reason: "superseded" });
      second.peer.closed(1000, "");
      socket.peer.closed(1000, "");
      await settled();
      expect(agent.state).toBe("superseded");
      expect(runtime.sockets).toHaveLength(2);
    }
  });

  it("delivers its answers despite a signal, and stops on a second one", async () => {
    for (const signals of [1, 2]) {
      const { agent, socket, runtime, ended, finish } = await busyAgent({ signals: ["SIGUSR2"] });
      post(socket, 2);
      socket.post({ type: "superseded" });
      for (let n = 0; n < signals; n++) process.emit("SIGUSR2");
      await settled();
      if (signals === 1) {
        expect(agent.state).toBe("draining");
        for (const n of [1, 2]) {
          expect(socket.isLive).toBe(true);
          finish.shift()?.();
          await settled();
          const { id, data } = answers(socket).at(-1) ?? {};
          expect(data).toEqual({ result: n });
          socket.post({ type: "published", subject: "_inbox.a2.1", reached: 1, id });
        }
        await lingered(runtime);
      }
      expect(socket.closedWith).toEqual({ code: 1000, reason: "superseded" });
      socket.peer.closed(1000, "");
      expect(await ended).toBe("superseded");
    }
  });

  it("refuses waiting messages when its time is over, while it can still answer", async () => {
    const { socket, runtime } = await busyAgent({ drainTimeout: 20 });
    post(socket, 2);
    socket.post({ type: "superseded" });
    await lingered(runtime);
    runtime.advance(18 * SECOND);
    await settled();
    expect(answers(socket)).toMatchObject([{ data: { error: { code: "unavailable" } } }]);
    expect(socket.closedWith).toMatchObject({ reason: "superseded" });
  });

  it("sends no heartbeat meanwhile, and ignores a second notification", async () => {
    const { socket, runtime, states, agent } = await busyAgent({ drainTimeout: 600 });
    socket.post({ type: "superseded" });
    const before = socket.heartbeats.length;
    for (let n = 0; n < 5; n++) {
      socket.post({ type: "superseded" });
      runtime.advance(60 * SECOND);
    }
    expect(socket.heartbeats).toHaveLength(before);
    expect(runtime.sockets).toHaveLength(1);
    expect(socket.isLive).toBe(true);
    expect(states.filter(({ state }) => state === "draining")).toHaveLength(1);
    void agent.stop();
  });

  it("waits no longer for handlers than drainTimeout", async () => {
    const { socket, runtime, ended } = await busyAgent({ drainTimeout: 20 });
    socket.post({ type: "superseded" });
    await lingered(runtime);
    runtime.advance(18 * SECOND);
    await settled();
    expect(socket.closedWith).toMatchObject({ reason: "superseded" });
    socket.peer.closed(1000, "");
    expect(await ended).toBe("superseded");
  });

  it("does not reconnect when its connection breaks, and reports the answer that was not sent", async () => {
    const { agent, socket, runtime, ended, finish } = await busyAgent();
    const errors: string[] = [];
    agent.on("handlerError", ({ subject }) => errors.push(subject));
    socket.post({ type: "superseded" });
    socket.peer.closed(1006, "");
    expect(await ended).toBe("superseded");
    finish[0]?.();
    await settled();
    expect(errors).toEqual(["_inbox.a2.1"]);
    expect(runtime.sockets).toHaveLength(1);
    expect(runtime.pendingTimers).toBe(0);
  });

  it("ends as superseded also where it was draining, or is stopped meanwhile", async () => {
    for (const how of ["drain", "stop"] as const) {
      const { agent, socket, ended } = await busyAgent();
      if (how === "drain") void agent.drain();
      socket.post({ type: "superseded" });
      expect(agent.state).toBe("draining");
      void agent.stop();
      await settled();
      socket.peer.closed(1000, "");
      expect(await ended).toBe("superseded");
    }
  });

  it("has its own requests rejected at once", async () => {
    const { agent, socket } = await busyAgent();
    const asked = agent.list();
    const { id } = socket.sent.at(-1) ?? {};
    socket.post({ type: "superseded", id });
    await expect(asked).rejects.toMatchObject({ code: "superseded" });
    void agent.stop();
  });

  it("had asked for the policy in its login", async () => {
    const { socket } = await connectedAgent({ onDuplicate: "reject" });
    expect(socket.claims.on_duplicate).toBe("reject");
    expect((await connectedAgent()).socket.claims.on_duplicate).toBe("replace");
  });
});

describe("stateChanges()", () => {
  it("iterates over every change up to the last", async () => {
    const { agent, runtime, accept } = fakeAgent();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { state, reason } of agent.stateChanges()) seen.push(`${state} ${reason}`);
    })();
    void agent.run();
    (await accept(1)).peer.closed(1006, "");
    runtime.advance(SECOND);
    const second = await accept(2);
    second.post({ type: "superseded" });
    await lingered(runtime);
    second.peer.closed(1000, "");
    await reading;
    expect(seen).toEqual([
      "connecting started",
      "connected opened",
      "reconnecting connection_lost",
      "connected opened",
      "draining superseded",
      "superseded superseded",
    ]);
  });

  it("ends at once on an agent that has ended", async () => {
    const { agent, socket, runtime, ended } = await connectedAgent();
    socket.post({ type: "superseded" });
    await lingered(runtime);
    socket.peer.closed(1000, "");
    await ended;
    expect(await agent.stateChanges().next()).toEqual({ value: undefined, done: true });
  });
});

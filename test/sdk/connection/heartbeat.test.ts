import { describe, expect, it } from "@jest/globals";
import { connectedAgent, fakeAgent } from "../../../testing/agents";

const SECOND = 1000;

describe("heartbeats", () => {
  it("send the first one at once when the connection opens", async () => {
    const { socket } = await connectedAgent();
    expect(socket.heartbeats).toEqual([
      { type: "heartbeat", activity: { state: "idle", eventLoopLagMs: 0 } },
    ]);
  });

  it.each([
    [0.1, 3],
    [0.9, 27],
  ])("send the second at a random moment of the first interval (%d)", async (chance, second) => {
    const fake = fakeAgent({ heartbeatInterval: 30 });
    fake.runtime.chance = chance;
    void fake.agent.run();
    const socket = await fake.accept(1);
    fake.runtime.advance(second * SECOND - 1);
    expect(socket.heartbeats).toHaveLength(1);
    fake.runtime.advance(1);
    expect(socket.heartbeats).toHaveLength(2);
  });

  it("follow each other at the interval from then on", async () => {
    const { socket, runtime } = await connectedAgent({ heartbeatInterval: 30 });
    runtime.advance(15 * SECOND);
    for (const expected of [3, 4, 5]) {
      socket.ack();
      runtime.advance(30 * SECOND);
      expect(socket.heartbeats).toHaveLength(expected);
    }
  });

  it("ask for an ack only with every n-th heartbeat where ackEvery is n", async () => {
    const { socket, runtime } = await connectedAgent({ heartbeatInterval: 10, ackEvery: 3 });
    runtime.advance(30 * SECOND);
    const [asked, quiet] = ["heartbeat", "heartbeat_quiet"];
    expect(socket.heartbeats.map(({ type }) => type)).toEqual([asked, quiet, quiet, asked]);
  });

  it("do not count acks that were not requested as missing", async () => {
    const { socket, runtime, agent } = await connectedAgent({
      heartbeatInterval: 10,
      heartbeatTimeoutMultiplier: 1.5,
      ackEvery: 3,
    });
    runtime.advance(34 * SECOND);
    expect(agent.state).toBe("connected");
    runtime.advance(1 * SECOND);
    expect(agent.state).toBe("reconnecting");
    expect(socket.terminated).toBe(true);
  });

  it("follow the interval that the server advises, and their time-out with it", async () => {
    const { socket, runtime, agent } = await connectedAgent({ heartbeatInterval: 30 });
    socket.ack({ heartbeatInterval: 60 });
    runtime.advance(15 * SECOND);
    socket.ack({ heartbeatInterval: 60 });
    expect(socket.heartbeats).toHaveLength(2);
    runtime.advance(60 * SECOND - 1);
    expect(socket.heartbeats).toHaveLength(2);
    runtime.advance(1);
    expect(socket.heartbeats).toHaveLength(3);
    runtime.advance(60 * SECOND);
    expect(socket.heartbeats).toHaveLength(4);
    expect(agent.state).toBe("connected");
  });

  it("are sent sooner at once if the server advises a shorter interval", async () => {
    const { socket, runtime } = await connectedAgent({ heartbeatInterval: 60 });
    socket.ack({ heartbeatInterval: 5 });
    runtime.advance(5 * SECOND);
    expect(socket.heartbeats).toHaveLength(2);
  });

  it("return to their own interval when the server stops advising", async () => {
    const { socket, runtime } = await connectedAgent({ heartbeatInterval: 30 });
    socket.ack({ heartbeatInterval: 5 });
    runtime.advance(5 * SECOND);
    socket.ack();
    runtime.advance(5 * SECOND);
    const before = socket.heartbeats.length;
    socket.ack();
    runtime.advance(29 * SECOND);
    expect(socket.heartbeats).toHaveLength(before);
  });

  it("ignore advice beyond the client's own limits", async () => {
    const { socket, runtime } = await connectedAgent({ heartbeatInterval: 60 });
    socket.ack({ heartbeatInterval: 0.001 });
    runtime.advance(500);
    expect(socket.heartbeats.length).toBeLessThanOrEqual(2);
    socket.ack({ heartbeatInterval: 86_400 });
    const before = socket.heartbeats.length;
    for (let minute = 0; minute < 9; minute++) {
      runtime.advance(60 * SECOND);
      socket.ack({ heartbeatInterval: 86_400 });
    }
    expect(socket.heartbeats.length).toBeGreaterThan(before);
  });

  it("are never queued: a new connection starts with one, whatever the outage lasted", async () => {
    const { socket, runtime, accept } = await connectedAgent();
    socket.peer.closed(1006, "");
    runtime.advance(60 * SECOND);
    (await runtime.socket(2)).peer.failed(new Error("no route"));
    runtime.advance(60 * SECOND);
    const second = await accept(3);
    expect(second.heartbeats).toHaveLength(1);
  });

  it("are skipped while the socket has unsent data", async () => {
    const { socket, runtime } = await connectedAgent();
    socket.bufferedAmount = 1024 * 1024;
    runtime.advance(60 * SECOND);
    expect(socket.heartbeats).toHaveLength(1);
    socket.bufferedAmount = 0;
    socket.ack();
    runtime.advance(30 * SECOND);
    expect(socket.heartbeats).toHaveLength(2);
  });

  it("measure the round trip and the skew of the local clock", async () => {
    const { socket, runtime, agent } = await connectedAgent();
    runtime.advance(15 * SECOND);
    runtime.advance(80);
    socket.ack({ serverTime: runtime.now() - 40 - 5_000 });
    expect(agent.getConnectionHealth()).toMatchObject({ roundTripMs: 80, clockSkewMs: 5_000 });
  });

  it("keep the measured skew while later round trips are consistent with it", async () => {
    const { socket, runtime, agent } = await connectedAgent();
    runtime.advance(15 * SECOND);
    const measured = [
      [80, 5_000],
      [200, 5_099],
      [20, 4_991],
      [20, 5_011],
    ].map(([roundTripMs = 0, skewMs = 0]) => {
      runtime.advance(roundTripMs);
      socket.ack({ serverTime: runtime.now() - roundTripMs / 2 - skewMs });
      runtime.advance(30 * SECOND - roundTripMs);
      const health = agent.getConnectionHealth();
      return [health.roundTripMs, health.clockSkewMs];
    });
    expect(measured).toEqual([
      [80, 5_000],
      [200, 5_000],
      [20, 5_000],
      [20, 5_011],
    ]);
  });
});

describe("getConnectionHealth", () => {
  it("has no values before the start", () => {
    const { agent } = fakeAgent();
    expect(agent.getConnectionHealth()).toEqual({
      healthy: false,
      connected: false,
      state: "idle",
      lastHeartbeatAck: null,
      secondsSinceAck: null,
      reconnectAttempts: 0,
      roundTripMs: null,
      clockSkewMs: null,
      eventLoopLagMs: 0,
      lastDisconnect: null,
    });
  });

  it("is not healthy before the first ack", async () => {
    const { agent, runtime } = fakeAgent();
    void agent.run();
    const socket = await runtime.socket(1);
    socket.peer.opened();
    expect(agent.getConnectionHealth()).toMatchObject({ connected: true, healthy: false });
    socket.ack();
    expect(agent.getConnectionHealth()).toMatchObject({ connected: true, healthy: true });
  });

  it("ages without any event", async () => {
    const { agent, runtime } = await connectedAgent();
    runtime.advance(20 * SECOND);
    expect(agent.getConnectionHealth()).toMatchObject({ healthy: true, secondsSinceAck: 20 });
  });

  it("changes as soon as the connection is lost, and says why", async () => {
    const { agent, runtime, socket } = await connectedAgent();
    socket.peer.closed(1012, "restart");
    expect(agent.getConnectionHealth()).toMatchObject({
      healthy: false,
      connected: false,
      state: "reconnecting",
      reconnectAttempts: 1,
      lastDisconnect: { code: 1012, reason: "closed with code 1012 (restart)", at: runtime.now() },
    });
  });
});

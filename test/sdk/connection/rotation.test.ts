import { describe, expect, it } from "@jest/globals";
import { connectedAgent } from "../../../testing/agents";
import type { FakeRuntime, FakeSocket } from "../../../testing/fake-runtime";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Lets time pass on a connection whose server answers. */
function passAcked(runtime: FakeRuntime, socket: FakeSocket, ms: number): void {
  for (let passed = 0; passed < ms; passed += 30 * SECOND) {
    runtime.advance(Math.min(30 * SECOND, ms - passed));
    if (socket.isLive) socket.ack();
  }
}

/** Handlers start in a turn of their own. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("rotation", () => {
  it("opens a second connection before the gateway's two hours, and keeps the first", async () => {
    const { runtime, socket, agent } = await connectedAgent();
    passAcked(runtime, socket, 100 * MINUTE - SECOND);
    expect(runtime.sockets).toHaveLength(1);
    passAcked(runtime, socket, SECOND);
    const second = await runtime.socket(2);
    const before = socket.heartbeats.length;
    second.peer.opened();
    expect(second.claims.instance_id).toBe(socket.claims.instance_id);
    expect(socket.claims.rotation).toBeUndefined();
    expect(second.claims.rotation).toBe(true);
    expect(second.heartbeats).toHaveLength(1);
    expect(socket.heartbeats).toHaveLength(before);
    expect(socket.isLive).toBe(true);
    expect(agent.state).toBe("connected");
  });

  it("moves over when the second connection is acknowledged, and closes the first soon after", async () => {
    const { runtime, socket, agent, states, accept } = await connectedAgent();
    const rotated: unknown[] = [];
    agent.on("rotated", (event) => rotated.push(event));
    passAcked(runtime, socket, 100 * MINUTE);
    const second = await accept(2);
    expect(rotated).toHaveLength(1);
    runtime.advance(5 * SECOND - 1);
    expect(socket.isLive).toBe(true);
    runtime.advance(1);
    expect(socket.closedWith).toEqual({ code: 1000, reason: "rotated" });
    expect(second.isLive).toBe(true);
    expect(states.map(({ state }) => state)).toEqual(["connecting", "connected"]);
    expect(agent.getConnectionHealth()).toMatchObject({ healthy: true, reconnectAttempts: 0 });
  });

  it.each([
    [0, 90],
    [0.999999, 110],
  ])("happens at a random age of 90 to 110 minutes (%d)", async (chance, minutes) => {
    const { runtime, socket, accept } = await connectedAgent();
    // The age of the second connection is drawn with this chance.
    runtime.chance = chance;
    passAcked(runtime, socket, 100 * MINUTE);
    const second = await accept(2);
    passAcked(runtime, second, (minutes - 1) * MINUTE);
    expect(runtime.sockets).toHaveLength(2);
    passAcked(runtime, second, MINUTE);
    expect((await runtime.socket(3)).isLive).toBe(true);
  });

  it("delivers messages that arrive on the first connection until its close is answered", async () => {
    const { runtime, socket, agent, accept } = await connectedAgent();
    const got: unknown[] = [];
    agent.onMessage("tasks", (_, data) => got.push(data));
    passAcked(runtime, socket, 100 * MINUTE);
    const second = await accept(2);
    socket.post({ type: "message", subject: "tasks", data: 1 });
    socket.peer.closed(1000, "rotated");
    second.post({ type: "message", subject: "tasks", data: 2 });
    await settled();
    expect(got).toEqual([1, 2]);
  });

  it("waits until the rotation before is over", async () => {
    const { runtime, socket, accept } = await connectedAgent({
      rotateAfter: { min: 10, max: 10 },
      closeTimeout: 30,
    });
    runtime.advance(10 * SECOND);
    await accept(2);
    runtime.advance(20 * SECOND);
    expect(runtime.sockets).toHaveLength(2);
    socket.peer.closed(1000, "rotated");
    expect((await runtime.socket(3)).isLive).toBe(true);
  });

  it("cuts off a first connection whose close is not answered", async () => {
    const { runtime, socket, accept } = await connectedAgent({ closeTimeout: 2 });
    passAcked(runtime, socket, 100 * MINUTE);
    await accept(2);
    runtime.advance(5 * SECOND);
    expect(socket.terminated).toBe(false);
    runtime.advance(2 * SECOND);
    expect(socket.terminated).toBe(true);
  });

  it("that fails keeps the first connection and is tried again", async () => {
    const { runtime, socket, agent, failures, accept } = await connectedAgent();
    passAcked(runtime, socket, 100 * MINUTE);
    const before = socket.heartbeats.length;
    (await runtime.socket(2)).peer.refused({ status: 503 });
    expect(socket.heartbeats).toHaveLength(before);
    expect(failures.at(-1)).toMatchObject({ rotation: true, retryInMs: SECOND });
    expect(agent.state).toBe("connected");
    expect(agent.getConnectionHealth().reconnectAttempts).toBe(0);
    passAcked(runtime, socket, 30 * SECOND);
    await accept(3);
    runtime.advance(5 * SECOND);
    expect(socket.closedWith).toMatchObject({ reason: "rotated" });
  });

  it("without an ack on the second connection abandons that one", async () => {
    const { runtime, socket, failures } = await connectedAgent();
    passAcked(runtime, socket, 100 * MINUTE);
    const second = await runtime.socket(2);
    second.peer.opened();
    passAcked(runtime, socket, MINUTE);
    expect(second.terminated).toBe(true);
    expect(failures.at(-1)).toMatchObject({ rotation: true });
    expect(socket.isLive).toBe(true);
  });

  it("takes over at once if the first connection ends meanwhile", async () => {
    const { runtime, socket, agent, states } = await connectedAgent();
    passAcked(runtime, socket, 100 * MINUTE);
    const second = await runtime.socket(2);
    second.peer.opened();
    socket.peer.closed(1001, "");
    expect(agent.state).toBe("connected");
    expect(states).toHaveLength(2);
    expect(second.isLive).toBe(true);
  });

  it("whose handshake is under way when the first connection ends is the next attempt", async () => {
    const { runtime, socket, agent, accept } = await connectedAgent();
    passAcked(runtime, socket, 100 * MINUTE);
    await runtime.socket(2);
    socket.peer.closed(1001, "");
    expect(agent.state).toBe("reconnecting");
    await accept(2);
    expect(agent.state).toBe("connected");
    expect(runtime.sockets).toHaveLength(2);
  });

  it("waits while the service refuses heartbeats, and follows the next ack", async () => {
    const { runtime, socket } = await connectedAgent();
    passAcked(runtime, socket, 100 * MINUTE - SECOND);
    socket.post({ message: "Too Many Requests", connectionId: "C=", requestId: "R" });
    runtime.advance(30 * SECOND);
    expect(runtime.sockets).toHaveLength(1);
    socket.ack();
    await runtime.socket(2);
    expect(runtime.sockets).toHaveLength(2);
  });

  it("is postponed by a reconnect: the age counts from the newest connection", async () => {
    const { runtime, socket, accept } = await connectedAgent();
    passAcked(runtime, socket, 99 * MINUTE);
    socket.peer.closed(1006, "");
    runtime.advance(SECOND);
    const second = await accept(2);
    expect(second.claims.rotation).toBeUndefined();
    passAcked(runtime, second, 99 * MINUTE);
    expect(runtime.sockets).toHaveLength(2);
  });
});

import { describe, expect, it } from "@jest/globals";
import { connectedAgent, fakeAgent } from "../../../testing/agents";

const SECOND = 1000;

describe("a connection that falls silent", () => {
  it("is replaced at once when no ack came within the timeout, without waiting for its close", async () => {
    const { socket, runtime, agent, states } = await connectedAgent();
    runtime.advance(90 * SECOND - 1);
    expect(agent.state).toBe("connected");
    runtime.advance(1);
    expect(socket.terminated).toBe(true);
    expect(states.at(-1)).toMatchObject({ state: "reconnecting", reason: "unresponsive" });
    const second = await runtime.socket(2);
    expect(second.isLive).toBe(true);
  });

  it.each([
    ["the gateway", { message: "Too Many Requests", connectionId: "C=", requestId: "R" }],
    ["the service", { type: "error", code: "internal", message: "try again" }],
  ])(
    "is not replaced while %s refuses its heartbeats, and sends no more than before",
    async (_, refusal) => {
      const { socket, runtime, agent } = await connectedAgent({ heartbeatInterval: 30 });
      runtime.advance(15 * SECOND);
      for (let minute = 1; minute <= 14; minute++) {
        runtime.advance(60 * SECOND);
        socket.post(refusal);
      }
      expect(agent.state).toBe("connected");
      expect(agent.getConnectionHealth().healthy).toBe(false);
      expect(socket.heartbeats).toHaveLength(1 + 1 + 14 * 2);
      expect(runtime.sockets).toHaveLength(1);
      // In case the connection itself is the reason.
      runtime.advance(60 * SECOND);
      expect(agent.state).toBe("reconnecting");
    },
  );

  it("leaves one live socket however often it happens", async () => {
    const { runtime, accept } = await connectedAgent();
    for (const n of [2, 3, 4, 5]) {
      runtime.advance(90 * SECOND);
      runtime.advance(30 * SECOND);
      await accept(n);
      expect(runtime.sockets.filter(({ isLive }) => isLive)).toHaveLength(1);
    }
  });

  it("is ignored once the client has abandoned it", async () => {
    const { socket, runtime, agent, accept } = await connectedAgent();
    runtime.advance(90 * SECOND);
    await accept(2);
    socket.post({ type: "superseded" });
    socket.peer.closed(1000, "");
    expect(agent.state).toBe("connected");
  });

  it("is abandoned during the handshake too", async () => {
    const { agent, runtime, failures } = fakeAgent({ connectTimeout: 15 });
    void agent.run();
    const socket = await runtime.socket(1);
    runtime.advance(15 * SECOND);
    expect(socket.terminated).toBe(true);
    expect(failures[0]?.failure).toEqual({ kind: "network", message: "no handshake within 15 s" });
    runtime.advance(1 * SECOND);
    expect((await runtime.socket(2)).isLive).toBe(true);
  });
});

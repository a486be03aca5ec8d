/** `reconnect()`, for those who know that the network is back. */

import { FleetWatcher } from "@agent-heartbeat/sdk";
import { describe, expect, it } from "@jest/globals";
import { connectedAgent, fakeAgent } from "../../../testing/agents";
import { fakeFleet } from "../../../testing/fleet-watchers";

const SECOND = 1000;

describe("reconnect()", () => {
  it("ends the wait for the next attempt within baseDelay, at a random moment", async () => {
    const { agent, socket, runtime, failures, accept } = await connectedAgent();
    socket.peer.closed(1006, "");
    for (let n = 2; n <= 8; n++) {
      runtime.advance((failures.at(-1)?.retryInMs ?? 0) + 1);
      (await runtime.socket(n)).peer.failed(new Error("no network"));
    }
    expect(failures.at(-1)?.retryInMs).toBe(30 * SECOND);
    runtime.chance = 0.4;
    agent.reconnect();
    runtime.advance(399);
    expect(runtime.sockets).toHaveLength(8);
    runtime.advance(1);
    await accept(9);
    expect(agent.state).toBe("connected");
  });

  it("neither prolongs the wait nor resets the number of attempts", async () => {
    const { agent, socket, runtime, failures } = await connectedAgent();
    runtime.chance = 0.1;
    socket.peer.closed(1006, "");
    runtime.chance = 0.9;
    agent.reconnect();
    runtime.advance(0.1 * SECOND);
    (await runtime.socket(2)).peer.failed(new Error("no network"));
    expect(failures.map(({ attempts }) => attempts)).toEqual([1, 2]);
  });

  it("called in a loop makes no more than two attempts a second", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    agent.on("attemptFailed", () => agent.reconnect());
    socket.peer.closed(1006, "");
    for (let n = 2; n <= 21; n++) {
      runtime.advance(499);
      expect(runtime.sockets).toHaveLength(n - 1);
      runtime.advance(1);
      (await runtime.socket(n)).peer.failed(new Error("no network"));
    }
  });

  it("called at every change of state does not loop forever", async () => {
    const { agent, socket, runtime, accept } = await connectedAgent();
    agent.on("state", () => agent.reconnect());
    socket.peer.closed(1006, "");
    runtime.advance(SECOND);
    await accept(2);
    expect(agent.state).toBe("connected");
  });

  it.each([
    ["is overloaded", { status: 503 }],
    ["throttles", { status: 429 }],
    ["asks for a delay", { status: 403, retryAfter: "60" }],
  ])("waits all the same where the service %s", async (_, refusal) => {
    const { agent, runtime, failures } = fakeAgent();
    void agent.run();
    (await runtime.socket(1)).peer.refused(refusal);
    agent.reconnect();
    runtime.advance((failures[0]?.retryInMs ?? 0) - 1);
    expect(runtime.sockets).toHaveLength(1);
    runtime.advance(1);
    expect(await runtime.socket(2)).toBeDefined();
  });

  it("waits all the same where the service spreads its fleet", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    socket.ack({ reconnectWindowMs: 600 * SECOND });
    socket.peer.closed(1001, "Going away");
    agent.reconnect();
    runtime.advance(300 * SECOND - 1);
    expect(runtime.sockets).toHaveLength(1);
  });

  it("tries at once again after a refusal: the key may be registered by now", async () => {
    const { agent, runtime, accept } = fakeAgent();
    void agent.run();
    (await runtime.socket(1)).peer.refused({ status: 403 });
    agent.reconnect();
    runtime.advance(SECOND / 2);
    await accept(2);
    expect(agent.state).toBe("connected");
  });

  it("probes an open connection, and replaces it if there is no response", async () => {
    const { agent, socket, runtime, states } = await connectedAgent({ connectTimeout: 15 });
    const before = socket.heartbeats.length;
    agent.reconnect();
    expect(socket.heartbeats).toHaveLength(before + 1);
    expect(socket.isLive).toBe(true);
    runtime.advance(15 * SECOND);
    expect(states.at(-1)).toMatchObject({ state: "reconnecting", reason: "unresponsive" });
  });

  it("does nothing before the start and after the end", async () => {
    const { agent, socket, runtime, ended } = await connectedAgent();
    fakeAgent().agent.reconnect();
    void agent.stop();
    await new Promise(setImmediate);
    agent.reconnect();
    socket.peer.closed(1000, "");
    await ended;
    agent.reconnect();
    runtime.advance(60 * SECOND);
    expect(agent.state).toBe("stopped");
    expect(runtime.sockets).toHaveLength(1);
  });

  it("is also a method of a fleet's watcher", async () => {
    const { watcher, runtime } = fakeFleet();
    expect(watcher).toBeInstanceOf(FleetWatcher);
    watcher.reconnect();
    void watcher.start().catch(() => {});
    (await runtime.socket(1)).peer.refused({ status: 403 });
    watcher.reconnect();
    runtime.advance(SECOND / 2);
    expect(await runtime.socket(2)).toBeDefined();
    await watcher.stop();
  });
});

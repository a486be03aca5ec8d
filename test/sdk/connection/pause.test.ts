/** Time that is lost, and clocks that are set: what cuts a connection, and what must not. */

import { describe, expect, it } from "@jest/globals";
import { connectedAgent } from "../../../testing/agents";
import { FakeRuntime } from "../../../testing/fake-runtime";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** As in a page: no clock runs on while the machine sleeps but the one that can be set. */
function browserClocks(): FakeRuntime {
  const runtime = new FakeRuntime();
  delete runtime.boottime;
  return runtime;
}

/** Whose clocks a test is about. */
const CLOCKS: [string, () => FakeRuntime][] = [
  ["Node.js", () => new FakeRuntime()],
  ["a browser", browserClocks],
];

describe("a pause of the whole process", () => {
  it("of two minutes or more replaces the connection at once", async () => {
    const { socket, runtime, states } = await connectedAgent();
    runtime.block(130 * SECOND);
    expect(socket.terminated).toBe(true);
    expect(states.at(-1)).toMatchObject({
      state: "reconnecting",
      reason: "blocked",
      failure: { message: expect.stringContaining("the event loop was blocked") },
    });
    expect((await runtime.socket(2)).isLive).toBe(true);
  });

  it("of the machine, which stops timers, is detected by the clock that continues", async () => {
    const { socket, runtime, states } = await connectedAgent();
    runtime.sleep(HOUR);
    runtime.advance(10 * SECOND);
    expect(socket.terminated).toBe(true);
    expect(states.at(-1)).toMatchObject({ state: "reconnecting", reason: "woke_from_sleep" });
    // Its login has the right time, although the monotonic clock knows nothing of the hour.
    const second = await runtime.socket(2);
    expect(second.claims.iat).toBe(Math.floor(runtime.now() / 1000));
  });

  it("that a browser can't distinguish from a step of the wall clock makes the client probe the connection", async () => {
    const { socket, runtime, agent, states } = await connectedAgent(
      { connectTimeout: 15 },
      browserClocks(),
    );
    runtime.sleep(HOUR);
    runtime.advance(10 * SECOND);
    expect(agent.state).toBe("connected");
    expect(socket.heartbeats.at(-1)).toMatchObject({ type: "heartbeat" });
    runtime.advance(15 * SECOND);
    expect(states.at(-1)).toMatchObject({ state: "reconnecting", reason: "unresponsive" });
    const second = await runtime.socket(2);
    expect(second.claims.iat).toBe(Math.floor(runtime.now() / 1000));
  });

  it("of an interval or more requires an ack soon", async () => {
    const { socket, runtime, agent, states } = await connectedAgent({ connectTimeout: 15 });
    runtime.block(50 * SECOND);
    expect(agent.state).toBe("connected");
    expect(socket.heartbeats).toHaveLength(2);
    runtime.advance(15 * SECOND);
    expect(states.at(-1)).toMatchObject({ state: "reconnecting", reason: "unresponsive" });
  });

  it("of an interval or more changes nothing if the ack arrives", async () => {
    const { socket, runtime, agent } = await connectedAgent();
    runtime.block(50 * SECOND);
    socket.ack();
    runtime.advance(20 * SECOND);
    expect(agent.state).toBe("connected");
    expect(runtime.sockets).toHaveLength(1);
  });

  it("requests that ack even if ackEvery would omit it", async () => {
    const { socket, runtime } = await connectedAgent({ ackEvery: 5 });
    runtime.block(50 * SECOND);
    expect(socket.heartbeats.at(-1)).toMatchObject({ type: "heartbeat" });
  });

  it("shorter than an interval is reported only as lag", async () => {
    const { socket, runtime, agent } = await connectedAgent();
    runtime.block(30 * SECOND);
    expect(socket.heartbeats.at(-1)).toMatchObject({ activity: { eventLoopLagMs: 20_000 } });
    expect(agent.state).toBe("connected");
    expect(agent.getConnectionHealth().eventLoopLagMs).toBe(20_000);
  });
});

describe.each([5, 10, 30])(
  "timers slowed down to one a minute, at an interval of %d s",
  (seconds) => {
    it("send a heartbeat each time, and replace no connection", async () => {
      const { socket, runtime, agent, states } = await connectedAgent({
        heartbeatInterval: seconds,
      });
      for (let minute = 1; minute <= 30; minute++) {
        runtime.block(MINUTE);
        expect(socket.heartbeats).toHaveLength(1 + minute);
        socket.ack({ serverTime: runtime.now() });
      }
      expect(agent.state).toBe("connected");
      expect(states.map(({ state }) => state)).toEqual(["connecting", "connected"]);
      expect(runtime.sockets).toHaveLength(1);
    });
  },
);

describe.each(CLOCKS)("a step of the wall clock, with the clocks of %s", (_, clocks) => {
  it.each([2 * MINUTE, -2 * MINUTE, 24 * HOUR, -24 * HOUR])(
    "by %d ms cuts no connection",
    async (ms) => {
      const { socket, runtime, agent } = await connectedAgent({}, clocks());
      runtime.step(ms);
      for (let n = 0; n < 6; n++) {
        runtime.advance(15 * SECOND);
        socket.ack({ serverTime: runtime.now() });
      }
      expect(agent.state).toBe("connected");
      expect(socket.isLive).toBe(true);
      expect(runtime.sockets).toHaveLength(1);
      expect(agent.getConnectionHealth().healthy).toBe(true);
    },
  );

  it.each([2 * MINUTE, -2 * MINUTE])(
    "by %d ms leaves the times of the work and of the next login right",
    async (ms) => {
      const { agent, socket, runtime, accept } = await connectedAgent(
        { rotateAfter: { min: 40, max: 40 } },
        clocks(),
      );
      const began = runtime.now();
      agent.onMessage("tasks", () => new Promise(() => {}), { maxSilence: 60 });
      socket.settleSubscriptions();
      socket.post({ type: "message", subject: "tasks", data: 1 });
      await settled();
      runtime.step(ms);
      runtime.advance(15 * SECOND);
      expect(socket.heartbeats.at(-1)?.activity).toMatchObject({
        startedAt: began,
        progressAt: began,
      });
      expect(agent.getConnectionHealth().clockSkewMs).toBe(ms);
      socket.ack({ serverTime: began + 15 * SECOND });
      runtime.advance(25 * SECOND);
      const second = await accept(2);
      // The ack took its time, half of which counts.
      const error = Number(second.claims.iat) - (began + 40 * SECOND) / 1000;
      expect(Math.abs(error)).toBeLessThan(5);
    },
  );

  it("while there is no connection is corrected at the second attempt at the latest", async () => {
    const { socket, runtime } = await connectedAgent({}, clocks());
    const began = runtime.now();
    socket.peer.closed(1006, "");
    runtime.step(-2 * MINUTE);
    runtime.advance(SECOND);
    (await runtime.socket(2)).peer.failed(new Error("refused, which a browser does not say"));
    runtime.advance(2 * SECOND);
    const times = [];
    for (const n of [2, 3]) times.push(Number((await runtime.socket(n)).claims.iat) - began / 1000);
    expect(times.some((seconds) => Math.abs(seconds) < 5)).toBe(true);
  });
});

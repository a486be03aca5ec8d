import { LoginRefusedError } from "@agent-heartbeat/sdk";
import { describe, expect, it } from "@jest/globals";
import { connectedAgent, fakeAgent } from "../../../testing/agents";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

describe("reconnecting", () => {
  it.each([1000, 1001, 1005, 1006, 1008, 1011, 1012, 4000])(
    "follows a close with code %d that the agent did not ask for",
    async (code) => {
      const { socket, runtime, agent, accept } = await connectedAgent();
      socket.peer.closed(code, "");
      expect(agent.state).toBe("reconnecting");
      runtime.advance(MINUTE);
      await accept(2);
      expect(agent.state).toBe("connected");
    },
  );

  it("mints a new token for each attempt, with the same instance id", async () => {
    const { socket, runtime, accept } = await connectedAgent();
    socket.peer.closed(1006, "");
    runtime.advance(MINUTE);
    const second = await accept(2);
    expect(second.claims.jti).not.toBe(socket.claims.jti);
    expect(second.claims.instance_id).toBe(socket.claims.instance_id);
  });

  it("never gives up", async () => {
    const { agent, runtime, failures } = fakeAgent();
    void agent.run();
    for (let n = 1; n <= 50; n++) {
      (await runtime.socket(n)).peer.failed(new Error("connect ECONNREFUSED"));
      runtime.advance(MINUTE);
    }
    expect((await runtime.socket(51)).isLive).toBe(true);
    expect(failures.map(({ attempts }) => attempts)).toEqual([...Array(50)].map((_, i) => i + 1));
  });

  it("draws each delay from the whole of a window that doubles up to its maximum", async () => {
    const { agent, runtime, failures } = fakeAgent({
      reconnect: { baseDelay: 2, maxDelay: 20 },
    });
    void agent.run();
    for (const [index, chance] of [0, 0.99, 0.5, 0.25, 0.5, 0.5].entries()) {
      runtime.chance = chance;
      (await runtime.socket(index + 1)).peer.failed(new Error("no route"));
      runtime.advance(20 * SECOND);
    }
    const seconds = failures.map(({ retryInMs }) => (retryInMs ?? 0) / SECOND);
    expect(seconds).toEqual([0, 0.99 * 4, 0.5 * 8, 0.25 * 16, 0.5 * 20, 0.5 * 20]);
  });

  it("has windows for every cause from the same two delays", async () => {
    const { agent, runtime, failures } = fakeAgent({ reconnect: { baseDelay: 0.5, maxDelay: 2 } });
    void agent.run();
    for (let n = 1; n <= 4; n++) {
      (await runtime.socket(n)).peer.refused({ status: 401 });
      runtime.advance(MINUTE);
    }
    const windows = failures.map(({ retryInMs }) => (2 * (retryInMs ?? 0)) / SECOND);
    expect(windows).toEqual([5, 10, 10, 10]);
  });

  it("draws from the windows of a given schedule, by the cause and the number of failures", async () => {
    const asked: [string, number][] = [];
    const { agent, runtime, failures } = fakeAgent({
      reconnect: {
        schedule: (kind, count) => {
          asked.push([kind, count]);
          return kind === "refused" ? 40 : 4;
        },
      },
    });
    void agent.run();
    (await runtime.socket(1)).peer.failed(new Error("no route"));
    runtime.advance(MINUTE);
    (await runtime.socket(2)).peer.refused({ status: 403 });
    expect(asked).toEqual([
      ["network", 0],
      ["refused", 1],
    ]);
    expect(failures.map(({ retryInMs }) => retryInMs)).toEqual([2 * SECOND, 20 * SECOND]);
  });

  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error("no idea");
      },
    ],
    ["returns nothing", () => undefined],
    ["returns no number", () => "5"],
    ["returns a number that is none", () => Number.NaN],
    ["returns less than nothing", () => -1],
    ["returns for ever", () => Number.POSITIVE_INFINITY],
  ])("falls back to the built-in windows if a schedule %s", async (_, schedule) => {
    const { agent, runtime, failures } = fakeAgent({ reconnect: { schedule: schedule as never } });
    void agent.run();
    (await runtime.socket(1)).peer.failed(new Error("no route"));
    expect(failures[0]?.retryInMs).toBe(0.5 * SECOND);
    runtime.advance(MINUTE);
    (await runtime.socket(2)).peer.opened();
  });

  it("respects what the server asks for also with a given schedule", async () => {
    const { agent, runtime, failures } = fakeAgent({ reconnect: { schedule: () => 0 } });
    void agent.run();
    (await runtime.socket(1)).peer.refused({ status: 429, retryAfter: "7" });
    expect(failures[0]?.retryInMs).toBe(7 * SECOND);
  });

  it("does not reset the backoff for a server that accepts and drops", async () => {
    const { runtime, accept, failures, socket } = await connectedAgent();
    socket.peer.closed(1006, "");
    for (const n of [2, 3, 4]) {
      runtime.advance(20 * SECOND);
      (await accept(n)).peer.closed(1006, "");
    }
    expect(failures.map(({ retryInMs }) => retryInMs)).toEqual([500, 1000, 2000, 4000]);
  });

  it("resets the backoff after a connection that was stable for a minute", async () => {
    const { runtime, accept, failures, socket, agent } = await connectedAgent();
    socket.peer.closed(1006, "");
    runtime.advance(SECOND);
    const second = await accept(2);
    runtime.advance(MINUTE);
    expect(agent.getConnectionHealth().reconnectAttempts).toBe(0);
    second.peer.closed(1006, "");
    expect(failures.map(({ retryInMs }) => retryInMs)).toEqual([500, 500]);
  });

  it("does not treat a connection without an ack as stable", async () => {
    const { runtime, socket, agent } = await connectedAgent();
    socket.peer.closed(1006, "");
    runtime.advance(SECOND);
    (await runtime.socket(2)).peer.opened();
    runtime.advance(80 * SECOND);
    expect(agent.getConnectionHealth().reconnectAttempts).toBe(1);
  });

  it.each([
    ["a lost network", 1006, 0.5],
    ["a gateway restart", 1012, 2.5],
    ["the gateway's limits", 1001, 2.5],
    ["a client that sent too much", 1008, 5],
  ])("has a schedule for %s (close code %d)", async (_, code, seconds) => {
    const { socket, failures } = await connectedAgent();
    socket.peer.closed(code, "");
    expect(failures[0]?.retryInMs).toBe(seconds * SECOND);
  });

  it.each([
    [401, "refused", 5],
    [403, "refused", 5],
    [404, "refused", 5],
    [409, "conflict", 2.5],
    [429, "throttled", 5],
    [500, "unavailable", 1],
    [503, "unavailable", 1],
  ])("has a schedule for status %d", async (status, kind, seconds) => {
    const { agent, runtime, failures } = fakeAgent();
    void agent.run();
    (await runtime.socket(1)).peer.refused({ status });
    expect(failures[0]).toMatchObject({ failure: { kind, status }, retryInMs: seconds * SECOND });
    expect(failures[0]?.error).toBeInstanceOf(LoginRefusedError);
    expect(agent.state).toBe("connecting");
  });

  it("waits as long as Retry-After says, and its own window on top", async () => {
    const { agent, runtime, failures } = fakeAgent();
    void agent.run();
    (await runtime.socket(1)).peer.refused({ status: 429, retryAfter: "30" });
    expect(failures[0]?.retryInMs).toBe(35 * SECOND);
  });

  it("reads a Retry-After that is a date by the server's own clock", async () => {
    const { agent, runtime, failures } = fakeAgent();
    void agent.run();
    const date = "Tue, 24 Nov 2026 10:00:00 GMT";
    const retryAfter = "Tue, 24 Nov 2026 10:00:20 GMT";
    (await runtime.socket(1)).peer.refused({ status: 503, retryAfter, date });
    expect(failures[0]?.retryInMs).toBe(21 * SECOND);
  });

  it("is reported to the operator, in full, when a login is refused", async () => {
    const lines: string[] = [];
    const logger = { warn() {}, error: (line: string) => lines.push(line) };
    const { agent, runtime } = fakeAgent({ logger });
    void agent.run();
    (await runtime.socket(1)).peer.refused({ status: 403 });
    expect(lines).toEqual([
      expect.stringMatching(
        /^agent-1: expected a connection, got: refused with status 403; `agent-heartbeat doctor` .* in 5.0 s$/,
      ),
    ]);
  });
});

describe("an agent that is revoked", () => {
  const revoked = (id?: unknown) => ({
    type: "error",
    code: "revoked",
    message: "the agent was disabled or removed",
    id,
  });

  it("knows at once why, without waiting for the close, and tries again slowly", async () => {
    const { socket, states, failures, agent } = await connectedAgent();
    const errors: string[] = [];
    agent.on("protocolError", ({ message }) => errors.push(message));
    socket.post(revoked());
    expect(states.at(-1)).toMatchObject({
      state: "reconnecting",
      reason: "revoked",
      failure: { kind: "refused", message: "the agent was disabled or removed" },
    });
    expect(failures).toMatchObject([{ failure: { kind: "refused" }, retryInMs: 5 * SECOND }]);
    expect(socket.terminated).toBe(true);
    expect(errors).toEqual(["revoked: the agent was disabled or removed"]);
    socket.peer.closed(1000, "");
    expect(failures).toHaveLength(1);
  });

  it("is also reported by the answer to a subscription or a request", async () => {
    for (const ask of ["subscribe", "list"]) {
      const { agent, socket, states } = await connectedAgent();
      if (ask === "subscribe") agent.onMessage("tasks", () => {});
      const asked = ask === "list" ? agent.list() : undefined;
      const { id } = socket.sent.findLast(({ type }) => type === ask) ?? {};
      socket.post(revoked(id));
      expect(states.at(-1)?.reason).toBe("revoked");
      if (asked) await expect(asked).rejects.toMatchObject({ code: "revoked" });
    }
  });

  it("is back with the first login that is accepted", async () => {
    const { socket, runtime, agent, accept } = await connectedAgent();
    socket.post(revoked());
    runtime.advance(5 * SECOND);
    (await runtime.socket(2)).peer.refused({ status: 403 });
    runtime.advance(10 * SECOND);
    await accept(3);
    expect(agent.state).toBe("connected");
  });

  it("keeps the other connection of a rotation until that one is notified too", async () => {
    const options = { rotateAfter: { min: 10, max: 10 } };
    const { runtime, socket, states, accept } = await connectedAgent(options);
    runtime.advance(10 * SECOND);
    const second = await accept(2);
    socket.post(revoked());
    expect(second.isLive).toBe(true);
    second.post(revoked());
    expect(states.at(-1)?.reason).toBe("revoked");
  });

  it("stays revoked for run() where it must not reconnect", async () => {
    const { socket, ended } = await connectedAgent({ autoReconnect: false });
    socket.post(revoked());
    await expect(ended).rejects.toThrow("the agent was disabled or removed");
  });
});

describe("a clock that is off", () => {
  const REFUSED_AT = "Thu, 01 Jan 2026 02:00:00 GMT";

  it("is corrected from a refused login's Date header, for a next attempt at once", async () => {
    const { agent, runtime } = fakeAgent();
    const skews: number[] = [];
    agent.on("clockSkew", ({ clockSkewMs }) => skews.push(clockSkewMs));
    void agent.run();
    (await runtime.socket(1)).peer.refused({ status: 403, date: REFUSED_AT });
    runtime.advance(0);
    const second = await runtime.socket(2);
    expect(second.claims.iat).toBe(Date.parse(REFUSED_AT) / 1000);
    expect(skews).toEqual([-2 * 60 * MINUTE - 500]);
    expect(agent.getConnectionHealth().clockSkewMs).toBe(skews[0]);
  });

  it("is not blamed twice: the next refusal counts as one", async () => {
    const { agent, runtime, failures } = fakeAgent();
    void agent.run();
    (await runtime.socket(1)).peer.refused({ status: 403, date: REFUSED_AT });
    runtime.advance(0);
    (await runtime.socket(2)).peer.refused({ status: 403, date: REFUSED_AT });
    expect(failures.map(({ retryInMs }) => retryInMs)).toEqual([0, 10 * SECOND]);
  });

  it("is not blamed if the header agrees with it", async () => {
    const { agent, runtime, failures } = fakeAgent();
    void agent.run();
    const date = new Date(runtime.now()).toUTCString();
    (await runtime.socket(1)).peer.refused({ status: 403, date });
    expect(failures[0]?.retryInMs).toBe(5 * SECOND);
  });
});

describe("without autoReconnect", () => {
  it("run() rejects when the connection ends, whatever the code", async () => {
    const { socket, ended, agent, runtime } = await connectedAgent({ autoReconnect: false });
    socket.peer.closed(1000, "");
    await expect(ended).rejects.toThrow(
      "agent-1: expected a connection, got: closed with code 1000",
    );
    expect(agent.state).toBe("stopped");
    expect(runtime.pendingTimers).toBe(0);
  });

  it("start() rejects when the login is refused", async () => {
    const { agent, runtime } = fakeAgent({ autoReconnect: false });
    const started = agent.start();
    (await runtime.socket(1)).peer.refused({ status: 401 });
    await expect(started).rejects.toMatchObject({ name: "LoginRefusedError", status: 401 });
  });
});

import {
  type AgentPresence,
  ConfigurationError,
  ConnectionError,
  FleetWatcher,
} from "@agent-heartbeat/sdk";
import { describe, expect, it } from "@jest/globals";
import { FleetBook } from "../../../sdk/src/fleet/book";
import {
  answerList,
  fakeFleet,
  listsOf,
  liveFleet,
  presence,
  publishTransition,
  START,
  transition,
} from "../../../testing/fleet-watchers";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const settled = () => new Promise((resolve) => setImmediate(resolve));

const statusOf = (watcher: FleetWatcher) =>
  [...watcher.agents.values()].map(({ agentId, status, reason }) => [agentId, status, reason]);

describe("a fleet's watcher", () => {
  it("subscribes, lists only when subscribed, and starts when it has every page", async () => {
    const { watcher, runtime, states } = fakeFleet();
    const started = watcher.start();
    const socket = await runtime.socket(1);
    socket.peer.opened();
    socket.ack({ serverTime: runtime.now() });
    expect(socket.sent).toContainEqual({
      type: "subscribe",
      subject: "presence.>",
      id: expect.any(String),
    });
    expect(listsOf(socket)).toHaveLength(0);
    socket.settleSubscriptions();
    await answerList(socket, runtime, [presence("a1"), presence("a2")], "next");
    expect(listsOf(socket)).toMatchObject([{ limit: 100 }, { cursor: "next" }]);
    expect(watcher.state).toBe("connecting");
    await answerList(socket, runtime, [presence("a3", { status: "offline", reason: "drained" })]);
    await started;
    expect(statusOf(watcher)).toEqual([
      ["a1", "online", null],
      ["a2", "online", null],
      ["a3", "offline", "drained"],
    ]);
    expect(watcher.lastUpdateAt).toBe(START);
    expect(states).toEqual(["connecting", "live"]);
  });

  it("reports while the service is in self-preservation", async () => {
    const { watcher, runtime, socket } = await liveFleet([presence("a1")]);
    const told: unknown[] = [];
    watcher.on("massExpiry", (massExpiry) => told.push(massExpiry));
    const massExpiry = { suspectedAt: START, heldUntil: START + 5 * MINUTE };
    const relist = async (extra: object) => {
      const lists = listsOf(socket).length;
      while (listsOf(socket).length === lists) {
        runtime.advance(SECOND);
        await settled();
      }
      const { id } = listsOf(socket).at(-1) ?? {};
      const agents = [presence("a1", { leaseExpiresAt: runtime.now() + 90_000 })];
      socket.post({
        type: "agents",
        agents,
        cursor: null,
        serverTime: runtime.now(),
        id,
        ...extra,
      });
      await settled();
    };
    expect(watcher.massExpiry).toBeNull();
    await relist({ massExpiry });
    await relist({ massExpiry });
    expect(watcher.massExpiry).toEqual(massExpiry);
    await relist({});
    expect(watcher.massExpiry).toBeNull();
    expect(told).toEqual([massExpiry, null]);
  });

  it("treats changes that arrive during a list as newer than the list, and shows no agent twice", async () => {
    const { watcher, runtime, accept } = fakeFleet();
    void watcher.start();
    const socket = await accept(1);
    const later = { connectedAt: START + 5, lastHeartbeatAt: START + 5, connectionId: "B=" };
    publishTransition(socket, transition("new"));
    publishTransition(socket, transition("both", later));
    publishTransition(
      socket,
      transition("gone", { event: "offline", status: "offline", reason: "drained" }),
    );
    await answerList(socket, runtime, [presence("both"), presence("gone"), presence("quiet")]);
    expect(watcher.agents.get("both")?.connectionId).toBe("B=");
    expect(statusOf(watcher).toSorted()).toEqual([
      ["both", "online", null],
      ["gone", "offline", "drained"],
      ["new", "online", null],
      ["quiet", "online", null],
    ]);
  });

  it("reports each change with the previous state, the new state and the service's message", async () => {
    const { changes, socket } = await liveFleet([presence("a1")]);
    const offline = transition("a1", {
      event: "offline",
      status: "offline",
      previousStatus: "online",
      reason: "connection_lost",
      since: START + 7,
    });
    publishTransition(socket, offline);
    expect(changes).toEqual([
      {
        agentId: "a1",
        previous: presence("a1"),
        current: presence("a1", {
          status: "offline",
          reason: "connection_lost",
          since: START + 7,
        }),
        transition: offline,
      },
    ]);
  });

  it("reports an old transition, and shows the newer state", async () => {
    const now = presence("a1", { lastHeartbeatAt: START + 10, connectionId: "B=" });
    const { changes, socket, watcher } = await liveFleet([now]);
    const late = transition("a1", { event: "offline", status: "offline", reason: "drained" });
    publishTransition(socket, late);
    expect(changes).toEqual([{ agentId: "a1", previous: now, current: now, transition: late }]);
    expect(watcher.agents.get("a1")).toEqual(now);
  });

  it("shows who stalls and who recovers", async () => {
    const { watcher, socket } = await liveFleet([presence("a1")]);
    const stalled = { event: "stalled", reason: "no_progress", stalledSince: START + 9 } as const;
    publishTransition(socket, transition("a1", stalled));
    expect(watcher.agents.get("a1")).toMatchObject({
      status: "online",
      reason: null,
      stalledSince: START + 9,
    });
    publishTransition(socket, transition("a1", { event: "recovered", reason: "progress" }));
    expect(watcher.agents.get("a1")?.stalledSince).toBeNull();
  });

  it("shows who drains, before any list does", async () => {
    const { watcher, socket, changes } = await liveFleet([presence("a1")]);
    const activity = { state: "draining" } as const;
    publishTransition(
      socket,
      transition("a1", { event: "draining", reason: "drain_started", activity }),
    );
    expect(changes).toMatchObject([{ transition: { event: "draining" }, current: { activity } }]);
    expect(watcher.agents.get("a1")).toMatchObject({ status: "online", reason: null, activity });
  });

  it("lists again when the first lease ends, which may have been renewed", async () => {
    const ends = { leaseExpiresAt: START + 3 * SECOND };
    const { watcher, runtime, socket, changes } = await liveFleet([presence("a1", ends)]);
    runtime.advance(3 * SECOND - 1);
    expect(listsOf(socket)).toHaveLength(1);
    runtime.advance(1);
    expect(listsOf(socket)).toHaveLength(2);
    expect(statusOf(watcher)).toEqual([["a1", "online", null]]);
    const renewed = { leaseExpiresAt: START + 99_000, lastHeartbeatAt: START + 2_000 };
    await answerList(socket, runtime, [presence("a1", renewed)]);
    runtime.advance(10 * SECOND);
    expect(statusOf(watcher)).toEqual([["a1", "online", null]]);
    expect(changes.map(({ current }) => current?.status)).toEqual(["online"]);
  });

  it("shows an agent as offline when its lease has ended and no list contains a newer one", async () => {
    const ends = { leaseExpiresAt: START + 20 * SECOND };
    const { watcher, runtime, changes } = await liveFleet([presence("a1", ends)]);
    runtime.advance(22 * SECOND);
    const current = presence("a1", {
      ...ends,
      status: "offline",
      reason: "lease_expired",
      since: START + 20 * SECOND,
    });
    expect(changes).toEqual([
      { agentId: "a1", previous: presence("a1", ends), current, transition: null },
    ]);
    expect(watcher.agents.get("a1")).toEqual(current);
  });

  it("shows leases as of the moment of reading, even if no timer has fired", async () => {
    const { watcher, runtime, changes } = await liveFleet([presence("a1")]);
    runtime.sleep(5 * MINUTE);
    expect(statusOf(watcher)).toEqual([["a1", "offline", "lease_expired"]]);
    expect(changes).toHaveLength(0);
    await settled();
    expect(changes).toHaveLength(1);
  });

  it("shows an agent as online that sends heartbeats again after its lease had expired", async () => {
    const { watcher, runtime, socket } = await liveFleet([
      presence("a1", { leaseExpiresAt: START + SECOND }),
    ]);
    runtime.advance(3 * SECOND);
    expect(statusOf(watcher)).toEqual([["a1", "offline", "lease_expired"]]);
    publishTransition(
      socket,
      transition("a1", { reason: "revived", lastHeartbeatAt: START + 3 * SECOND }),
    );
    expect(statusOf(watcher)).toEqual([["a1", "online", null]]);
  });

  it("lists a small fleet every five seconds, at most every second, and drops who is gone", async () => {
    const ended = { leaseExpiresAt: START + 1 };
    const { watcher, runtime, socket, changes } = await liveFleet([
      presence("a1", ended),
      presence("a2", { leaseExpiresAt: START + 10 * MINUTE }),
    ]);
    runtime.advance(999);
    expect(listsOf(socket)).toHaveLength(1);
    runtime.advance(1);
    expect(listsOf(socket)).toHaveLength(2);
    await answerList(socket, runtime, [presence("a2", { leaseExpiresAt: START + 10 * MINUTE })]);
    expect(changes).toEqual([
      { agentId: "a1", previous: presence("a1", ended), current: null, transition: null },
    ]);
    expect([...watcher.agents.keys()]).toEqual(["a2"]);
    runtime.advance(5 * SECOND - 1);
    expect(listsOf(socket)).toHaveLength(2);
    runtime.advance(1);
    expect(listsOf(socket)).toHaveLength(3);
  });

  it("lists a fleet of many pages a second later for each of them, and at least every minute", async () => {
    const agent = presence("a1", { leaseExpiresAt: START + 10 * MINUTE });
    const { runtime, socket } = await liveFleet([agent]);
    const listPages = async (pages: number) => {
      for (let page = 1; page < pages; page++) await answerList(socket, runtime, [agent], "next");
      await answerList(socket, runtime, [agent]);
    };
    runtime.advance(5 * SECOND);
    await listPages(9);
    const listed = listsOf(socket).length;
    runtime.advance(9 * SECOND - 1);
    expect(listsOf(socket)).toHaveLength(listed);
    runtime.advance(1);
    expect(listsOf(socket)).toHaveLength(listed + 1);
    await listPages(80);
    const later = listsOf(socket).length;
    runtime.advance(MINUTE - 1);
    expect(listsOf(socket)).toHaveLength(later);
    runtime.advance(1);
    expect(listsOf(socket)).toHaveLength(later + 1);
  });

  it("is stale while it is not connected, and live again after a new list", async () => {
    const { watcher, runtime, socket, states, changes, accept } = await liveFleet([
      presence("a1"),
      presence("a2"),
    ]);
    socket.peer.closed(1006, "");
    expect(watcher.state).toBe("stale");
    await expect(watcher.history("a1")).rejects.toThrow(ConnectionError);
    runtime.advance(SECOND);
    const second = await accept(2);
    expect(watcher.state).toBe("stale");
    const moved = presence("a2", { connectedAt: START + 9, connectionId: "B=" });
    await answerList(second, runtime, [moved]);
    expect(states).toEqual(["connecting", "live", "stale", "live"]);
    expect(changes.map(({ agentId, current }) => [agentId, current?.connectionId])).toEqual([
      ["a2", "B="],
      ["a1", undefined],
    ]);
  });

  it("abandons a list whose connection breaks, and begins the next one from the start", async () => {
    const { watcher, runtime, accept } = fakeFleet();
    const started = watcher.start();
    const socket = await accept(1);
    await answerList(socket, runtime, [presence("a1")], "next");
    socket.peer.closed(1006, "");
    await settled();
    runtime.advance(SECOND);
    const second = await accept(2);
    runtime.advance(SECOND);
    expect(listsOf(second)).toMatchObject([{ type: "list", limit: 100 }]);
    await answerList(second, runtime, [presence("a1"), presence("a2")]);
    await started;
    expect([...watcher.agents.keys()]).toEqual(["a1", "a2"]);
  });

  it("pauses if it lists too fast, and continues with the same page", async () => {
    const { watcher, runtime, accept } = fakeFleet();
    const started = watcher.start();
    const socket = await accept(1);
    await answerList(socket, runtime, [presence("a1")], "next");
    const refuse = async () => {
      const { id } = listsOf(socket).at(-1) ?? {};
      socket.post({ type: "error", code: "rate_limited", message: "too many", id });
      await settled();
    };
    await refuse();
    expect(listsOf(socket)).toHaveLength(2);
    runtime.advance(SECOND);
    await settled();
    await refuse();
    runtime.advance(SECOND);
    await settled();
    expect(listsOf(socket)).toMatchObject([{}, ...Array(3).fill({ cursor: "next" })]);
    await answerList(socket, runtime, [presence("a2")]);
    await started;
    expect([...watcher.agents.keys()]).toEqual(["a1", "a2"]);
  });

  it("starts again if its connection breaks during a pause", async () => {
    const { watcher, runtime, accept } = fakeFleet();
    const started = watcher.start();
    const socket = await accept(1);
    await answerList(socket, runtime, [presence("a1")], "next");
    const { id } = listsOf(socket).at(-1) ?? {};
    socket.post({ type: "error", code: "rate_limited", message: "too many", id });
    await settled();
    // Reconnected before the pause is over.
    runtime.chance = 0;
    socket.peer.closed(1006, "");
    await settled();
    runtime.advance(1);
    const second = await accept(2);
    runtime.advance(SECOND);
    await settled();
    expect(listsOf(second)).toHaveLength(1);
    expect(listsOf(second)[0]).not.toHaveProperty("cursor");
    await answerList(second, runtime, [presence("a1"), presence("a2")]);
    await started;
    expect([...watcher.agents.keys()]).toEqual(["a1", "a2"]);
  });

  it("is stale when lists fail for long, tries again ever more slowly, and recovers", async () => {
    const { watcher, runtime, socket, states } = await liveFleet([presence("a1")]);
    let refused = 1;
    const refuse = async () => {
      for (const { id } of listsOf(socket).slice(refused)) {
        refused += 1;
        socket.post({ type: "error", code: "internal", message: "the service failed", id });
      }
      await settled();
    };
    for (let second = 0; second < 120; second++) {
      runtime.advance(SECOND);
      if (second % 30 === 0) socket.ack({ serverTime: runtime.now() });
      await refuse();
    }
    expect(states).toEqual(["connecting", "live", "stale"]);
    expect(refused).toBeGreaterThan(4);
    expect(refused).toBeLessThan(14);
    while (listsOf(socket).length === refused) runtime.advance(SECOND);
    await answerList(socket, runtime, [presence("a1")]);
    expect(watcher.state).toBe("live");
  });

  it("reports failed attempts, and continues", async () => {
    const { watcher, runtime, accept } = fakeFleet();
    const failures: unknown[] = [];
    watcher.on("state", ({ state, failure }) => failures.push([state, failure?.status]));
    void watcher.start();
    (await runtime.socket(1)).peer.refused({ status: 403 });
    expect(failures).toEqual([
      ["connecting", undefined],
      ["connecting", 403],
    ]);
    runtime.advance(10 * SECOND);
    await answerList(await accept(2), runtime, []);
    expect(watcher.state).toBe("live");
  });

  it("uses the server's clock if the local one is off", async () => {
    const { watcher, runtime } = fakeFleet();
    runtime.wall += 5 * MINUTE;
    void watcher.start();
    const socket = await runtime.socket(1);
    socket.peer.opened();
    socket.ack({ serverTime: START });
    socket.settleSubscriptions();
    socket.post({
      type: "agents",
      agents: [presence("a1")],
      cursor: null,
      serverTime: START,
      id: listsOf(socket)[0]?.id,
    });
    await settled();
    expect(watcher.serverNow()).toBe(START);
    expect(statusOf(watcher)).toEqual([["a1", "online", null]]);
  });

  it.each([2 * MINUTE, -2 * MINUTE])(
    "takes no agent for offline because the wall clock is set by %d ms",
    async (ms) => {
      const { watcher, runtime, changes } = await liveFleet([presence("a1")]);
      runtime.step(ms);
      runtime.advance(SECOND);
      expect(watcher.serverNow()).toBe(START + SECOND);
      expect(statusOf(watcher)).toEqual([["a1", "online", null]]);
      expect(changes).toEqual([]);
    },
  );

  it("misses nothing and reports nothing twice in a rotation", async () => {
    const { watcher, runtime, socket, changes, states } = await liveFleet([], {
      rotateAfter: { min: 10, max: 10 },
    });
    runtime.advance(10 * SECOND);
    const second = await runtime.socket(2);
    second.peer.opened();
    second.settleSubscriptions();
    publishTransition(socket, transition("a1", { transitionId: "t1" }));
    publishTransition(second, transition("a1", { transitionId: "t1" }));
    second.ack({ serverTime: runtime.now() });
    publishTransition(second, transition("a2", { transitionId: "t2" }));
    publishTransition(socket, transition("a2", { transitionId: "t2" }));
    publishTransition(second, transition("a3", { transitionId: "t3" }));
    runtime.advance(5 * SECOND);
    expect(socket.closedWith).toEqual({ code: 1000, reason: "rotated" });
    socket.peer.closed(1000, "rotated");
    expect(changes.map(({ transition }) => transition?.transitionId)).toEqual(["t1", "t2", "t3"]);
    expect([...watcher.agents.keys()]).toEqual(["a1", "a2", "a3"]);
    expect(states).toEqual(["connecting", "live"]);
  });

  it("requests profiles if asked to, and keeps them when a transition has none", async () => {
    const profile = { capabilities: ["summarize"], metadata: {} };
    const { watcher, socket } = await liveFleet([presence("a1", { profile })], { profiles: true });
    expect(listsOf(socket)[0]).toMatchObject({ profiles: true, limit: 25 });
    publishTransition(socket, transition("a1", { lastHeartbeatAt: START + 1 }));
    expect(watcher.agents.get("a1")?.profile).toEqual(profile);
  });

  it("gets an agent's history", async () => {
    const { watcher, socket } = await liveFleet([]);
    const history = watcher.history("a1");
    const { id, ...question } = socket.sent.at(-1) ?? {};
    expect(question).toEqual({ type: "history", agentId: "a1" });
    const { transitionId, event, reason, at, connectionId, instanceId } = transition("a1");
    const record = { transitionId, event, reason, at, connectionId, instanceId };
    socket.post({ type: "history", agentId: "a1", transitions: [record], id });
    expect(await history).toEqual([record]);
  });

  it("stops: no timer is left, and a waiting start rejects", async () => {
    const { watcher, runtime, accept } = fakeFleet();
    const started = watcher.start();
    const socket = await accept(1);
    const stopped = watcher.stop();
    socket.peer.closed(1000, "stopped");
    await stopped;
    await expect(started).rejects.toThrow(ConnectionError);
    await settled();
    expect(watcher.state).toBe("stopped");
    expect(runtime.pendingTimers).toBe(0);
    await watcher.stop();
  });

  it("refuses wrong options, and says in start() that a key is unusable", async () => {
    const options = { agentId: "v", organizationId: "acme", url: "wss://gateway.test/prod" };
    expect(() => new FleetWatcher({ ...options, url: "x", privateKey: "k" })).toThrow(
      ConfigurationError,
    );
    expect(() => new FleetWatcher(options)).toThrow("expected privateKey, privateKeyPath or");
    const watcher = new FleetWatcher({ ...options, privateKey: "no key", logger: null });
    await expect(watcher.start()).rejects.toThrow("private key: expected an RSA key");
    expect(watcher.state).toBe("stopped");
  });
});

describe("a state that the service writes in another way", () => {
  const written = (one: AgentPresence) => JSON.parse(JSON.stringify(one)) as AgentPresence;
  const turned = (value: unknown): unknown =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .reverse()
            .map(([name, inner]) => [name, turned(inner)]),
        )
      : value;
  const known = presence("a1", {
    activity: { state: "idle", inFlight: 0, eventLoopLagMs: 3 },
    profile: { capabilities: ["x", "y"], metadata: { b: { d: [1, { e: 2 }], c: null }, a: 1 } },
  });

  it.each<[string, AgentPresence, boolean]>([
    ["the same", known, false],
    ["members in another order", turned(written(known)) as AgentPresence, false],
    [
      "another activity",
      { ...known, activity: { state: "idle", inFlight: 1, eventLoopLagMs: 3 } },
      true,
    ],
    ["an activity with less", { ...known, activity: { state: "idle", inFlight: 0 } }, true],
    ["an activity that is gone", { ...known, activity: null }, true],
    [
      "a list in another order",
      {
        ...known,
        profile: { capabilities: ["y", "x"], metadata: { b: { d: [1, { e: 2 }], c: null }, a: 1 } },
      },
      true,
    ],
    [
      "a member named as one of every object",
      {
        ...known,
        profile: {
          capabilities: ["x", "y"],
          metadata: { b: { d: [1, { e: 2 }], c: null }, a: 1, constructor: 1 },
        },
      },
      true,
    ],
    [
      "a list in place of an object",
      { ...known, profile: { capabilities: ["x", "y"], metadata: { b: [], a: 1 } } },
      true,
    ],
  ])("is reported as a change only if its values differ: %s", async (_, next, isChange) => {
    const book = new FleetBook();
    expect(book.take(known, null, START)).not.toBeNull();
    expect(book.take(next, null, START) !== null).toBe(isChange);
  });
});

describe("an agent whose id has dots", () => {
  it("is reported when it begins and ends", async () => {
    const { socket, changes } = await liveFleet([]);
    const agentId = "worker-0.workers.default.svc";
    const subject = "presence.worker-0~workers~default~svc";
    const told = { type: "message", messageId: "m1", from: "service", data: transition(agentId) };
    socket.post({ ...told, subject: `presence.${agentId}` });
    expect(changes).toEqual([]);
    socket.post({ ...told, subject });
    expect(changes.map((change) => change.agentId)).toEqual([agentId]);
  });
});

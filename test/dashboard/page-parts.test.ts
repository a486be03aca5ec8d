import { describe, expect, it } from "@jest/globals";
import { activityText, heartbeatText } from "../../dashboard/src/fleet/agent-text";
import { queryForHealth } from "../../dashboard/src/fleet/filter";
import { FrozenOrder } from "../../dashboard/src/fleet/frozen-order";
import { countHealths } from "../../dashboard/src/fleet/health";
import { byUrgency, metadataNames, rowOf } from "../../dashboard/src/fleet/row";
import { HREFS, routeOf } from "../../dashboard/src/shell/route";
import { iconOf, titleOf } from "../../dashboard/src/shell/tab";
import { credentialsIn, holdsSignIn, SignInError } from "../../dashboard/src/sign-in/credentials";
import { countdownText, spanText } from "../../dashboard/src/text/duration";
import { lost, NOON, presence } from "../../testing/dashboard/fake-fleet";

const SECOND = 1000;

describe("display texts", () => {
  it.each([
    [-5, "0 s"],
    [0, "0 s"],
    [119 * SECOND, "119 s"],
    [120 * SECOND, "2 min"],
    [7200 * SECOND, "2 h"],
    [200_000 * SECOND, "2 d"],
  ])("show a duration of %d ms as %s", (ms, text) => expect(spanText(ms)).toBe(text));

  it.each([
    [-1, "0:00"],
    [1, "0:01"],
    [78 * SECOND, "1:18"],
    [7505 * SECOND, "2:05:05"],
  ])("show a countdown of %d ms as %s", (ms, text) => expect(countdownText(ms)).toBe(text));

  it("show when the last heartbeat was and when the lease ends", () => {
    expect(heartbeatText(presence("a"), NOON + 12 * SECOND)).toBe("12 s ago, lease ends in 1:18");
    expect(heartbeatText(lost("a", NOON), NOON + 12 * SECOND)).toBe("12 s ago");
  });

  it("show what an agent works on, and since when", () => {
    const activity = { state: "working" as const, task: "tasks.process", startedAt: NOON };
    const text = (agent = presence("a", { activity })) => activityText(agent, NOON + 5 * SECOND);
    expect(text()).toBe("tasks.process for\u00a05\u00a0s");
    const draining = { ...activity, state: "draining" as const };
    expect(text(presence("a", { activity: draining }))).toBe("tasks.process for\u00a05\u00a0s");
    expect(text(presence("a", { activity: { state: "idle" } }))).toBe("idle");
    expect(text(lost("a", NOON, { activity }))).toBe("–");
    expect(text(presence("a"))).toBe("–");
  });

  it("ignore direction marks in an agent's task", () => {
    const activity = { state: "blocked" as const, task: "\u202egnp.exe", startedAt: NOON };
    expect(activityText(presence("a", { activity }), NOON)).toBe(
      "blocked: �gnp.exe for\u00a00\u00a0s",
    );
  });
});

describe("the browser tab", () => {
  const state = (agents: Parameters<typeof countHealths>[0], stale = false) => ({
    stale,
    counts: countHealths(agents),
    organizationId: "acme",
  });

  it("counts offline agents in its title", () => {
    expect(titleOf(state([presence("a")]))).toBe("acme · Agent Heartbeat");
    expect(titleOf(state([lost("a", NOON)]))).toBe("(1 offline) acme · Agent Heartbeat");
  });

  it("is green only while connected and no agent is lost", () => {
    const green = encodeURIComponent("#037f0c");
    expect(iconOf(state([presence("a")]))).toContain(green);
    expect(iconOf(state([lost("a", NOON, { reason: "drained" })]))).toContain(green);
    expect(iconOf(state([lost("a", NOON)]))).not.toContain(green);
    expect(iconOf(state([presence("a")], true))).not.toContain(green);
    expect(titleOf(state([presence("a")], true))).toBe("(?) acme · Agent Heartbeat");
  });
});

describe("the page's address", () => {
  it("selects the view that it was generated for", () => {
    expect(routeOf(HREFS.agent("agent-1"))).toEqual({ view: "agent", agentId: "agent-1" });
    expect(routeOf(HREFS.trends)).toEqual({ view: "trends" });
    expect(routeOf(HREFS.events)).toEqual({ view: "events" });
    expect(routeOf(HREFS.fleet)).toEqual({ view: "fleet", filter: [] });
    expect(routeOf(HREFS.fleetOf("offline", "stalled"))).toEqual({
      view: "fleet",
      filter: ["offline", "stalled"],
    });
    expect(routeOf("#/nowhere?status=odd")).toEqual({ view: "fleet", filter: [] });
  });
});

describe("the sign-in link", () => {
  const fields = {
    url: "wss://abc.example.com/prod",
    organization: "acme",
    agent: "viewer-1",
    key: "A".repeat(64),
    expires: String(NOON),
  };
  const fragment = (changes: object = {}) =>
    `#${new URLSearchParams({ ...fields, ...changes } as Record<string, string>)}`;

  it("carries the key, which is read as PEM", () => {
    const { privateKey, ...viewer } = credentialsIn(fragment({ key: `-_${"A".repeat(62)}` }));
    expect(viewer).toEqual({
      url: fields.url,
      organizationId: "acme",
      agentId: "viewer-1",
      expiresAt: NOON,
    });
    expect(privateKey.split("\n")[1]).toBe(`+/${"A".repeat(62)}`);
  });

  it.each(["wss://agents.example.com", "wss://agents.example.com/", "ws://127.0.0.1:8080/prod"])(
    "may name %s, for a domain of the deployment's own has no path",
    (url) => {
      expect(credentialsIn(fragment({ url })).url).toBe(url);
    },
  );

  it.each([
    [{ url: "https://example.com" }, "The sign-in's url: expected a WebSocket URL"],
    [{ organization: "a b" }, "The sign-in's organization: expected an organization id"],
    [{ key: "short" }, "The sign-in's key: expected a private key"],
    [{ expires: "soon" }, "The sign-in's expires: expected epoch milliseconds"],
  ])("with the wrong field %j is rejected with a readable message", (changes, message) => {
    expect(() => credentialsIn(fragment(changes))).toThrow(SignInError);
    expect(() => credentialsIn(fragment(changes))).toThrow(message);
  });

  it("never shows the key in an error message", () => {
    const key = "secret+secret";
    expect(() => credentialsIn(fragment({ key }))).toThrow(/^(?!.*secret)/);
  });

  it("is not confused with the address of a view", () => {
    expect(holdsSignIn(fragment())).toBe(true);
    expect(holdsSignIn("#/agents/url=x")).toBe(false);
  });
});

describe("table rows", () => {
  it("can be searched by metadata of any type", () => {
    const metadata = { version: "1.4.2", gpu: { count: 2 }, retries: 3 };
    const agent = presence("a", { profile: { capabilities: ["x", "y"], metadata } });
    expect(rowOf(agent, undefined, NOON)).toMatchObject({
      health: "Online",
      capabilities: "x, y",
      flaps: undefined,
      "metadata.version": "1.4.2",
      "metadata.gpu": '{"count":2}',
      "metadata.retries": "3",
    });
    expect(metadataNames([agent])).toEqual(["version", "gpu", "retries"]);
  });

  it("are sorted by urgency, unintended states first", () => {
    const rows = [
      presence("fine"),
      presence("draining", { activity: { state: "draining" } }),
      presence("stalled", { stalledSince: NOON }),
      lost("left", NOON, { reason: "client_closed" }),
      lost("lost-before", NOON - 1),
      lost("lost", NOON),
    ].map((agent) => rowOf(agent, undefined, NOON));
    expect(rows.sort(byUrgency).map(({ agentId }) => agentId)).toEqual([
      "lost",
      "lost-before",
      "left",
      "stalled",
      "draining",
      "fine",
    ]);
  });

  it("can be queried by status, and are all shown without one", () => {
    expect(queryForHealth("offline").tokens).toEqual([
      { propertyKey: "health", operator: "=", value: "Offline" },
    ]);
    expect(queryForHealth().tokens).toEqual([]);
  });

  it("keep their order while frozen, with current values, until another page is shown", () => {
    type Item = { id: string; value: number };
    const order = new FrozenOrder<Item>(({ id }) => id);
    let all: Item[] = [
      { id: "a", value: 1 },
      { id: "b", value: 2 },
    ];
    const find = (id: string) => all.find((item) => item.id === id);
    const at = (freeze: boolean, view = "page 1") =>
      order.order(all, { freeze, view, find }).map(({ id, value }) => `${id}${value}`);
    expect(at(false)).toEqual(["a1", "b2"]);
    all = [
      { id: "c", value: 9 },
      { id: "b", value: 3 },
    ];
    expect(at(true)).toEqual(["a1", "b3"]);
    expect(at(true, "page 2")).toEqual(["c9", "b3"]);
    expect(at(false)).toEqual(["c9", "b3"]);
  });
});

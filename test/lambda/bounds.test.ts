/** What one message costs at most: each bound of docs/limits.md, tried against tables that never end. */

import { afterEach, describe, expect, it } from "@jest/globals";
import { LIMITS } from "../../core/limits";
import { AGENT_RECORD_PREFIX } from "../../core/registry-record";
import { entryOf } from "../../core/row-connections";
import { addressesFor, groupIn, subscriberOf } from "../../core/subscription-keys";
import { login } from "../../lambda/authorize/login";
import { dynamoDbLoginRegistry } from "../../lambda/authorize/store";
import { connectHandler } from "../../lambda/connect/handler";
import { disconnectHandler } from "../../lambda/disconnect/handler";
import { MOST_CONNECTIONS } from "../../lambda/lease/writes";
import type { Outcome } from "../../lambda/shared/connections";
import { FleetCountStore } from "../../lambda/shared/fleet-size";
import { EndlessTables, type EndlessTablesOptions } from "../../testing/endless-tables";
import { loginClaims, signToken, testKey } from "../../testing/login";
import {
  ConnectionsRecorder,
  LogRecorder,
  MetricsRecorder,
  routeEvent,
} from "../../testing/presence";
import { composeRoutes } from "../../testing/routes";
import { BOUNDS, type BoundedRoute, CAPABLE_READ } from "../../tools/docs/bounds";

const NAMES = {
  statusTableName: "AgentStatus",
  registryTableName: "AgentRegistry",
  subscriptionsTableName: "Subscriptions",
};
const NOW = 1_000_000;
const FUTURE = 2 ** 40;
/** The largest text in JSON: six bytes for each character. */
const CONTROL = "\u0001";

const holding = {
  organizationId: "acme",
  agentId: "a1",
  status: "online",
  connectionId: "A=",
  connectedAt: 1000,
  onlineSince: 1000,
  lastHeartbeatAt: 1000,
  leaseExpiresAt: FUTURE,
  heartbeatIntervalMs: 30_000,
  instanceId: "process-a",
  connections: new Set([entryOf("A=", "key")]),
  ttlEpochSeconds: FUTURE,
};
const lockedOut = { ...holding, fencingToken: 5, connections: undefined };

/** A row of the sender that seems to be another's until it is read consistently. */
const staleFirst: EndlessTablesOptions["item"] = ({ TableName, ConsistentRead }) => {
  if (TableName !== NAMES.statusTableName) return undefined;
  return ConsistentRead ? holding : { ...holding, connections: undefined };
};

/** Three counts of a window meet others'. */
const contended = (): EndlessTablesOptions["inTheWay"] => {
  let failed = 0;
  return ({ TableName, ConditionExpression }) => {
    // The note of a request, which no newer process has been sent.
    if (ConditionExpression?.includes(":instanceId")) return undefined;
    if (TableName !== NAMES.subscriptionsTableName || failed === 3) {
      failed = 0;
      return undefined;
    }
    failed += 1;
    return { window: failed % 2 === 1 ? NOW : NOW + 10_000_000 };
  };
};

let tables: EndlessTables;
afterEach(() => tables?.client.destroy());

/** Plays one message. */
async function play(
  route: Exclude<BoundedRoute, "$connect" | "$disconnect">,
  body: object,
  options: Partial<EndlessTablesOptions> = {},
  outcome: Outcome = "done",
) {
  const inTheWay = contended();
  tables = new EndlessTables({
    item: staleFirst,
    found: (_, index) => ({ ...holding, agentId: `agent-${index}` }),
    all: () => LIMITS.historyLength + 1,
    inTheWay,
    ...options,
  });
  const connections = new ConnectionsRecorder();
  const post = connections.post.bind(connections);
  connections.post = async (...call) => {
    await post(...call);
    return outcome;
  };
  const { routes } = composeRoutes({
    client: tables.client,
    engine: NAMES,
    connections,
    log: new LogRecorder(),
    metrics: new MetricsRecorder().sink,
    // As many posts as one message can make, however slow the machine is.
    monotonic: () => 0,
    reader: { now: () => NOW, correctClock: false },
  });
  const context = { routeKey: route, requestTimeEpoch: NOW };
  const answer = await routes[route](routeEvent(context, { type: route, ...body }));
  const bytes = Buffer.byteLength(answer.body ?? "");
  expect(bytes).toBeLessThanOrEqual(LIMITS.messageBytes);
  return {
    reads: tables.reads,
    writes: tables.writes,
    posts: connections.calls.filter(([call]) => call === "post").length,
    bytes,
    answer: JSON.parse(answer.body ?? "null"),
  };
}

/** The maximum of each figure over several runs. */
function worst(plays: { reads: number; writes: number; posts: number }[]) {
  const most = (figure: "reads" | "writes" | "posts") =>
    Math.max(...plays.map((each) => each[figure]));
  return { reads: most("reads"), writes: most("writes"), posts: most("posts") };
}

/** The lease is written by others each time. */
const expired = { ...holding, onlineSince: 1, leaseExpiresAt: 5 };
const revoked: Partial<EndlessTablesOptions> = {
  item: ({ TableName }) => (TableName === NAMES.statusTableName ? lockedOut : undefined),
};

describe("the bounds of one message hold, and are reached:", () => {
  it.each(["heartbeat", "heartbeat_quiet"] as const)("%s", async (type) => {
    const activity = { state: "working" };
    const plays = [
      await play(type, { activity }, { inTheWay: () => expired }),
      await play(type, { activity }, { inTheWay: () => lockedOut }),
    ];
    expect(worst(plays)).toEqual(BOUNDS[type]);
  });

  it("profile", async () => {
    const metadata = { text: CONTROL.repeat(600) };
    const named = (name: string) =>
      Array.from({ length: LIMITS.capabilities }, (_, index) => `${name}-${index}`);
    const ids = ["A=", "B=", "C="];
    expect(ids).toHaveLength(MOST_CONNECTIONS);
    const all = { ...holding, connections: new Set(ids.map((id) => entryOf(id, "key"))) };
    const plays = [
      await play("profile", { metadata }),
      // Other capabilities than before, and as many connections as a process can have.
      await play(
        "profile",
        { capabilities: named("new") },
        {
          item: (input) => (staleFirst(input)?.connections ? all : staleFirst(input)),
          replaced: { profile: { capabilities: named("old") } },
        },
      ),
      await play("profile", { metadata }, revoked),
    ];
    expect(worst(plays)).toEqual(BOUNDS.profile);
  });

  it("subscribe", async () => {
    const found = { found: () => ({ address: "elsewhere", subscriber: "B=#x" }) };
    // An agent that has all that it may have is refused after the count.
    const full = await play("subscribe", { subject: "a" }, found);
    expect(full.answer).toMatchObject({ code: "rate_limited" });
    const limit = LIMITS.subscriptionsOfAgent;
    expect(full.reads).toBe(limit);
    expect(full.reads + 1).toBe(BOUNDS.subscribe.reads);
    expect(full.writes + 2).toBe(BOUNDS.subscribe.writes);
  });

  it("unsubscribe", async () => {
    expect(worst([await play("unsubscribe", { subject: "a" })])).toEqual(BOUNDS.unsubscribe);
  });

  it("publish, where every address has more subscribers than are read", async () => {
    const subject = "a.b";
    const [plain] = addressesFor("acme", subject);
    const one = (index: number) => ({
      address: plain,
      subscriber: `c${index}`,
      organizationId: "acme",
      agentId: `agent-${index}`,
      instanceId: `process-${index}`,
      connectionId: `c${index}`,
      pattern: "a.b",
      ttlEpochSeconds: FUTURE,
    });
    const toAll = await play("publish", { subject }, { found: (_, index) => one(index) });
    expect(toAll.answer).toMatchObject({ type: "published", incomplete: true });
    // More groups than a message goes to, none of whose members takes work.
    // 12 or 13 to each, so that no page begins within one.
    const found: EndlessTablesOptions["found"] = (input, index) => {
      const { ":end": end } = (input.ExpressionAttributeValues ?? {}) as Record<
        string,
        { S: string }
      >;
      const drawn = end && groupIn(end.S)?.group;
      const group = drawn ?? `g${Math.floor(index / 12.5)}`;
      const subscriber = subscriberOf(`c${index}`, "a.b", { group, slot: "0" });
      return { ...one(index), group, subscriber };
    };
    const toGroups = await play("publish", { subject }, { found });
    expect(toGroups.answer).toMatchObject({ type: "published", reached: 0, incomplete: true });
    // A request to one group, whose members seem to live and are gone.
    const living = (index: string) => ({
      ...holding,
      agentId: `agent-${index}`,
      instanceId: `process-${index}`,
      connectionId: `c${index}`,
      connections: new Set([entryOf(`c${index}`, "key")]),
    });
    const request = { subject, replyTo: "_inbox.a1.q", expiresInMs: 1000, attempt: 1 };
    const toMembers = await play(
      "publish",
      request,
      {
        item: (input) => {
          const index = input.Key?.agentId?.S?.split("-")[1];
          return index ? living(index) : staleFirst(input);
        },
        found: (_, index) => ({
          ...one(index),
          group: "g",
          subscriber: subscriberOf(`c${index}`, "a.b", { group: "g", slot: "0" }),
        }),
        all: () => 0,
      },
      "gone",
    );
    expect(worst([toAll, toGroups, toMembers])).toEqual(BOUNDS.publish);
    // A request by a capability that very many have, who seem to live and are gone.
    const toCapable = await play(
      "publish",
      { ...request, capability: "summarize" },
      {
        item: (input) => {
          const index = input.Key?.agentId?.S?.split("-")[1];
          return index ? living(index) : staleFirst(input);
        },
        found: (_, index) => one(index),
        all: () => 0,
      },
      "gone",
    );
    expect(toCapable.answer).toMatchObject({ type: "published", reached: 0 });
    expect(toCapable.posts).toBe(LIMITS.membersTried);
    expect(toCapable.reads).toBe(2 + CAPABLE_READ + LIMITS.membersTried);
  });

  it("list, where a quarter of the rows match and each has the largest profile", async () => {
    const activity = { state: "working", task: CONTROL.repeat(64), note: CONTROL.repeat(64) };
    const rows =
      (metadata: object, more: object): EndlessTablesOptions["found"] =>
      (input, index) => {
        if ("recordId" in input) {
          const { S = "" } = input.recordId as { S?: string };
          const agentId = S.slice(AGENT_RECORD_PREFIX.length);
          return { agentId, profile: { capabilities: [], metadata: JSON.stringify(metadata) } };
        }
        return {
          ...holding,
          agentId: `agent-${index}`,
          ...(index % 4 !== 0 && { status: "offline", leaseExpiresAt: 5 }),
          ...more,
        };
      };
    const found = rows({ text: CONTROL.repeat(670) }, { activity: JSON.stringify(activity) });
    const small = rows({}, {});
    const plays = [
      await play("list", { status: "online", profiles: true }, { found: small }),
      await play("list", { status: "online", profiles: true }, { found }),
      await play("list", { status: "offline", profiles: true, limit: 1 }, { found }),
      await play("list", {}, revoked),
    ];
    expect(worst(plays)).toEqual(BOUNDS.list);
    expect(plays[1]?.answer.cursor).toEqual(expect.any(String));
  });

  it("history", async () => {
    const plays = [
      await play("history", { agentId: "a".repeat(LIMITS.idLength) }),
      await play("history", {}, { all: () => 25, found: () => ({}) }),
      await play("history", {}, revoked),
    ];
    expect(worst(plays)).toEqual(BOUNDS.history);
  });

  it("$default", async () => {
    expect(worst([await play("$default", { text: "x".repeat(1000) })])).toEqual(BOUNDS.$default);
  });

  it("$connect, where others write the row each time", async () => {
    const key = await testKey("ES256");
    const now = NOW;
    tables = new EndlessTables({
      item: ({ Key }) =>
        Key?.recordId?.S?.startsWith("agent#")
          ? {
              organizationId: "acme",
              recordId: Key.recordId.S,
              agentId: "a1",
              role: "agent",
              enabled: true,
              publicKeys: [
                { keyId: key.keyId, algorithm: key.algorithm, jwk: key.jwk, addedAt: 0 },
              ],
              createdAt: 0,
              updatedAt: 0,
            }
          : undefined,
      found: (_, index) => ({ recordId: `t${index}` }),
      all: () => 0,
      inTheWay: () => undefined,
    });
    const registry = dynamoDbLoginRegistry({ ...NAMES, client: tables.client });
    const terms = {
      defaultIntervalMs: 30_000,
      defaultTimeoutMultiplier: 3,
      minIntervalMs: 5000,
      maxIntervalMs: 540_000,
    };
    const audience = "wss://example.com/prod";
    const token = await signToken(
      key,
      loginClaims(audience, now, { org: "acme", iss: "a1", sub: "a1" }),
    );
    await expect(login(token, [audience], now, { registry, terms })).rejects.toThrow("too many");
    await new FleetCountStore(tables.client, NAMES.registryTableName).get();
    const { reads } = tables;
    tables.client.destroy();

    // Another process's row, newer than what was observed each time.
    tables = new EndlessTables({
      item: () => undefined,
      found: () => ({}),
      all: () => 0,
      inTheWay: () => ({
        ...holding,
        instanceId: "process-b",
        connectedAt: NOW * 2,
        connections: new Set([entryOf("B=", "key")]),
        processes: new Set(["x"]),
      }),
    });
    const connecting = routeEvent({
      routeKey: "$connect",
      requestTimeEpoch: NOW,
      connectedAt: NOW,
    });
    const refused = await connectHandler(leasesOver(tables))(connecting);
    expect(refused.statusCode).toBe(503);
    const attempts = tables.writes;
    tables.client.destroy();

    // Nobody is in the way, and the agent can do as much as there may be.
    const capabilities = Array.from({ length: LIMITS.capabilities }, (_, index) => `c${index}`);
    tables = new EndlessTables({
      item: ({ TableName }) =>
        TableName === NAMES.registryTableName ? { profile: { capabilities } } : undefined,
      found: () => ({}),
      all: () => 0,
      inTheWay: () => undefined,
    });
    const accepted = await connectHandler(leasesOver(tables))(connecting);
    expect(accepted.statusCode).toBe(200);
    expect(reads + tables.reads).toBe(BOUNDS.$connect.reads);
    expect(1 + attempts + tables.writes - 1).toBe(BOUNDS.$connect.writes);
  });

  it("$disconnect, where others write the row each time, of a connection with all its subscriptions", async () => {
    let write = 0;
    tables = new EndlessTables({
      item: () => undefined,
      found: (_, index) => ({ address: `a${index}`, subscriber: `s${index}` }),
      all: () => LIMITS.subscriptions + LIMITS.capabilities,
      inTheWay: () => {
        write += 1;
        return write % 2 === 0 ? holding : { ...holding, connections: undefined };
      },
    });
    const { leases, subscriptions } = leasesOver(tables);
    await disconnectHandler({ leases, subscriptions })(
      routeEvent({ routeKey: "$disconnect", requestTimeEpoch: NOW }),
    );
    const { reads, writes } = tables;
    expect({ reads, writes, posts: 0 }).toEqual(BOUNDS.$disconnect);
  });
});

function leasesOver({ client }: EndlessTables) {
  return composeRoutes({
    client,
    engine: NAMES,
    connections: new ConnectionsRecorder(),
    log: new LogRecorder(),
    metrics: new MetricsRecorder().sink,
  });
}

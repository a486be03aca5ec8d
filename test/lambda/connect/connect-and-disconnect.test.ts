/** `$connect` and `$disconnect` against the real engine. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { connectHandler } from "../../../lambda/connect/handler";
import { disconnectHandler, offlineReason } from "../../../lambda/disconnect/handler";
import { LeaseStore } from "../../../lambda/lease/store";
import { CapableAgents } from "../../../lambda/messaging/capable-agents";
import { SubscriptionStore } from "../../../lambda/messaging/subscriptions";
import { ProfileStore } from "../../../lambda/profile/store";
import { dynamoDbGuard } from "../../../lambda/shared/guard";
import { revoke } from "../../../sdk/src/registry/revocation";
import { DynamoDbClock } from "../../../sdk/src/status/dynamodb-clock";
import { type Engine, startEngine } from "../../../testing/engine";
import { LogRecorder, routeEvent, storedRow } from "../../../testing/presence";

describe("a connection", () => {
  let engine: Engine;
  let connect: ReturnType<typeof connectHandler>;
  let disconnect: ReturnType<typeof disconnectHandler>;
  let subscriptions: SubscriptionStore;
  let agentId: string;
  let count = 0;
  beforeAll(async () => {
    engine = await startEngine();
    const { client, statusTableName } = engine;
    const leases = new LeaseStore({ client, tableName: statusTableName, retentionMs: 86_400_000 });
    const guard = dynamoDbGuard(client, statusTableName);
    subscriptions = new SubscriptionStore(client, engine.subscriptionsTableName);
    connect = connectHandler({
      leases,
      subscriptions,
      guard,
      profiles: new ProfileStore(client, engine.registryTableName),
      capable: new CapableAgents(client, engine.subscriptionsTableName),
      log: new LogRecorder(),
    });
    disconnect = disconnectHandler({ leases, subscriptions });
  });
  beforeEach(() => {
    count += 1;
    agentId = `agent-${count}`;
  });
  afterAll(() => engine.stop());

  const row = () =>
    storedRow(engine.client, engine.statusTableName, { organizationId: "acme", agentId });

  it("brings its agent online, and selects the subprotocol", async () => {
    expect(await connect(routeEvent({}, undefined, { agentId }))).toEqual({
      statusCode: 200,
      headers: { "Sec-WebSocket-Protocol": "agent-heartbeat.v1" },
    });
    expect(await row()).toMatchObject({ status: "online", leaseExpiresAt: 91_000 });
  });

  const listed = () => subscriptions.connectionsOf("acme", agentId, 1000);

  it.each(["viewer", "publisher"] as const)(
    "of a %s leaves no row, and is listed until it ends",
    async (role) => {
      expect(await connect(routeEvent({}, undefined, { agentId, role }))).toMatchObject({
        statusCode: 200,
      });
      expect(await listed()).toMatchObject([
        { connectionId: "A=", fencingToken: 0, keyTag: "key" },
      ]);
      expect(await disconnect(routeEvent({}, undefined, { agentId, role }))).toEqual({
        statusCode: 200,
      });
      expect(await listed()).toEqual([]);
      expect(await row()).toBeUndefined();
    },
  );

  it.each(["viewer", "publisher"] as const)(
    "of a %s that was locked out while it connected is refused",
    async (role) => {
      const { client, statusTableName: tableName } = engine;
      const clock = new DynamoDbClock(() => 1000);
      await revoke({ client, tableName, clock }, { organizationId: "acme", agentId }, 7);
      const from = (fencingToken: number) =>
        routeEvent({}, undefined, { agentId, role, fencingToken });
      expect(await connect(from(6))).toEqual({ statusCode: 403 });
      expect(await connect(from(7))).toMatchObject({ statusCode: 200 });
    },
  );

  it("is refused with 409 if it uses on_duplicate: reject while another process holds the lease", async () => {
    await connect(routeEvent({}, undefined, { agentId }));
    const newcomer = { agentId, instanceId: "process-b", onDuplicate: "reject" } as const;
    const context = { connectionId: "B=", connectedAt: 2000, requestTimeEpoch: 2000 };
    expect(await connect(routeEvent(context, undefined, newcomer))).toEqual({ statusCode: 409 });
    expect(await row()).toMatchObject({ status: "online", connectionId: "A=" });
  });

  it("of a watcher is refused with 422 if its key is an agent's, whose lease it leaves alone", async () => {
    await connect(routeEvent({}, undefined, { agentId }));
    const context = { connectionId: "B=", connectedAt: 2000, requestTimeEpoch: 2000 };
    const watcher = { agentId, instanceId: "process-b", watches: true };
    expect(await connect(routeEvent(context, undefined, watcher))).toEqual({ statusCode: 422 });
    expect(await row()).toMatchObject({ status: "online", connectionId: "A=" });
    const viewer = { ...watcher, role: "viewer" } as const;
    expect(await connect(routeEvent(context, undefined, viewer))).toMatchObject({
      statusCode: 200,
    });
  });

  it("of an agent that is locked out while it connects is refused, and brings no agent online", async () => {
    const { client, statusTableName: tableName } = engine;
    const clock = new DynamoDbClock(() => 1000);
    await revoke({ client, tableName, clock }, { organizationId: "acme", agentId }, 7);
    const from = (fencingToken: number) => routeEvent({}, undefined, { agentId, fencingToken });
    expect(await connect(from(6))).toEqual({ statusCode: 403 });
    expect(await row()).not.toHaveProperty("instanceId");
    expect(await connect(from(7))).toMatchObject({ statusCode: 200 });
    expect(await row()).toMatchObject({ status: "online" });
  });

  it("of a superseded process opens to be notified, and holds no lease", async () => {
    await connect(routeEvent({}, undefined, { agentId }));
    const newer = { connectionId: "B=", connectedAt: 5000, requestTimeEpoch: 5000 };
    await connect(routeEvent(newer, undefined, { agentId, instanceId: "process-b" }));
    const again = { connectionId: "C=", connectedAt: 9000, requestTimeEpoch: 9000 };
    expect(await connect(routeEvent(again, undefined, { agentId }))).toMatchObject({
      statusCode: 200,
    });
    expect(await row()).toMatchObject({
      instanceId: "process-b",
      connections: new Set(["B=.key"]),
      displaced: new Set(["A=.key", "C=.key"]),
    });
  });

  it("that ends takes its agent offline, with the reason of its close code", async () => {
    await connect(routeEvent({}, undefined, { agentId }));
    const end = { requestTimeEpoch: 5000, disconnectStatusCode: 1006, disconnectReason: "" };
    expect(await disconnect(routeEvent(end, undefined, { agentId }))).toEqual({ statusCode: 200 });
    expect(await row()).toMatchObject({
      status: "offline",
      reason: "connection_lost",
      disconnectedAt: 5000,
    });
  });

  it("fails without the authorizer's context, and never takes the identity from elsewhere", async () => {
    const event = routeEvent();
    delete event.requestContext.authorizer;
    await expect(connect(event)).rejects.toThrow("no authorizer context");
  });
});

/** Rows of the protocol's table of close codes. */
const DOCUMENTED = readFileSync(join(__dirname, "../../../docs/protocol.md"), "utf8")
  .split("\n")
  .filter((line) => /^\| (\d{4}|any other)\b/.test(line));

describe("offlineReason", () => {
  const HOURS = 2 * 3_600_000;
  it.each([
    [1000, "", 0, "client_closed"],
    [1000, "drained", 0, "drained"],
    [1001, "", 60_000, "client_closed"],
    [1001, "Going away", 60_000, "client_closed"],
    [1001, "Going away", 600_000, "gateway_closed"],
    [1001, "", HOURS, "gateway_closed"],
    [1005, "", 0, "client_closed"],
    [1012, "", 0, "gateway_closed"],
    [1006, "", 0, "connection_lost"],
    [1009, "", 0, "connection_lost"],
    [undefined, undefined, 0, "connection_lost"],
  ])("of close code %s with text %j at an age of %s ms is %s", (code, text, ageMs, reason) => {
    expect(offlineReason({ code, text, ageMs })).toBe(reason);
    const own = DOCUMENTED.filter((row) => row.startsWith(`| ${code}`));
    const rows = own.length > 0 ? own : DOCUMENTED.filter((row) => row.startsWith("| any other"));
    expect(rows.join()).toContain(`\`${reason}\``);
  });
});

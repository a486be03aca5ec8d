/** `$connect` and `$disconnect` against the real engine. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { dynamoDbLoginRegistry } from "../../../lambda/authorize/store";
import { connectHandler } from "../../../lambda/connect/handler";
import { disconnectHandler, offlineReason } from "../../../lambda/disconnect/handler";
import { LeaseStore } from "../../../lambda/lease/store";
import { SubscriptionStore } from "../../../lambda/messaging/subscriptions";
import { type Engine, startEngine } from "../../../testing/engine";
import { putAgent } from "../../../testing/login";
import { routeEvent, storedRow } from "../../../testing/presence";

describe("a connection", () => {
  let engine: Engine;
  let connect: ReturnType<typeof connectHandler>;
  let disconnect: ReturnType<typeof disconnectHandler>;
  let agentId: string;
  let count = 0;
  beforeAll(async () => {
    engine = await startEngine();
    const { client, statusTableName, registryTableName } = engine;
    const leases = new LeaseStore({ client, tableName: statusTableName, retentionMs: 86_400_000 });
    connect = connectHandler({
      leases,
      registry: dynamoDbLoginRegistry(client, registryTableName),
    });
    const subscriptions = new SubscriptionStore(client, engine.subscriptionsTableName);
    disconnect = disconnectHandler({ leases, subscriptions });
  });
  beforeEach(async () => {
    count += 1;
    agentId = `agent-${count}`;
    await putAgent(engine.client, engine.registryTableName, [], { agentId });
  });
  afterAll(() => engine.stop());

  const row = () =>
    storedRow(engine.client, engine.statusTableName, { organizationId: "acme", agentId });

  it("makes its agent online, and selects the subprotocol", async () => {
    expect(await connect(routeEvent({}, undefined, { agentId }))).toEqual({
      statusCode: 200,
      headers: { "Sec-WebSocket-Protocol": "agent-heartbeat.v1" },
    });
    expect(await row()).toMatchObject({ status: "online", leaseExpiresAt: 91_000 });
  });

  it.each(["viewer", "publisher"] as const)("of a %s leaves no row", async (role) => {
    expect(await connect(routeEvent({}, undefined, { agentId, role }))).toMatchObject({
      statusCode: 200,
    });
    expect(await disconnect(routeEvent({}, undefined, { agentId, role }))).toEqual({
      statusCode: 200,
    });
    expect(await row()).toBeUndefined();
  });

  it("is refused with 409 if it asks to be alone while another process holds the lease", async () => {
    await connect(routeEvent({}, undefined, { agentId }));
    const newcomer = { agentId, instanceId: "process-b", onDuplicate: "reject" } as const;
    const context = { connectionId: "B=", connectedAt: 2000, requestTimeEpoch: 2000 };
    expect(await connect(routeEvent(context, undefined, newcomer))).toEqual({ statusCode: 409 });
    expect(await row()).toMatchObject({ status: "online", connectionId: "A=" });
  });

  it("of an agent that was disabled while it connected is refused, and leaves it offline", async () => {
    await putAgent(engine.client, engine.registryTableName, [], { agentId, enabled: false });
    expect(await connect(routeEvent({}, undefined, { agentId }))).toEqual({ statusCode: 403 });
    expect(await row()).toMatchObject({ status: "offline", reason: "revoked" });
  });

  it("that ends makes its agent offline, with the reason that its close code tells", async () => {
    await connect(routeEvent({}, undefined, { agentId }));
    const end = { requestTimeEpoch: 5000, disconnectStatusCode: 1006, disconnectReason: "" };
    expect(await disconnect(routeEvent(end, undefined, { agentId }))).toEqual({ statusCode: 200 });
    expect(await row()).toMatchObject({
      status: "offline",
      reason: "connection_lost",
      disconnectedAt: 5000,
    });
  });

  it("fails without the authorizer's context, which is never taken from elsewhere", async () => {
    const event = routeEvent();
    delete event.requestContext.authorizer;
    await expect(connect(event)).rejects.toThrow("no authorizer context");
  });
});

describe("offlineReason", () => {
  it.each([
    [1000, "", "client_closed"],
    [1000, "drained", "drained"],
    [1001, "", "gateway_closed"],
    [1012, "", "gateway_closed"],
    [1006, "", "connection_lost"],
    [1009, "", "connection_lost"],
    [undefined, undefined, "connection_lost"],
  ])("of close code %s with text %j is %s", (code, text, reason) => {
    expect(offlineReason(code, text)).toBe(reason);
  });
});

/** Leases over real sockets, with processes and connections that begin, end and reconnect. */

import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { BareClient } from "../../testing/e2e/client";
import { openTarget, type Target } from "../../testing/e2e/target";
import { until } from "../../testing/e2e/until";
import { type TestKey, testKey } from "../../testing/login";
import { storedRow } from "../../testing/presence";

describe("a lease", () => {
  const organizationId = `e2e-${randomUUID()}`;
  let target: Target;
  let key: TestKey;
  let agentId: string;
  let clients: BareClient[];
  beforeAll(async () => {
    target = openTarget();
    key = await testKey();
  });
  beforeEach(async () => {
    clients = [];
    agentId = `agent-${randomUUID()}`;
    await register(agentId);
  });
  afterEach(() => {
    for (const client of clients) client.break();
  });
  afterAll(() => target.close());

  const register = (id: string) =>
    target.registry.register({ organizationId, agentId: id, publicKey: key.jwk as never });
  async function connect(instance: string, claims: object = {}, id = agentId) {
    const client = await BareClient.connect(target.url, key, {
      org: organizationId,
      iss: id,
      sub: id,
      instance_id: instance,
      ...claims,
    });
    clients.push(client);
    return client;
  }
  const beat = (client: BareClient) => client.ask({ type: "heartbeat" });
  const ACK = { type: "heartbeat_ack" };
  const presence = () => target.statuses.getAgent(organizationId, agentId);
  const reads = (expected: object) =>
    until(async () => {
      const found = await presence();
      const same = Object.entries(expected).every(
        ([name, value]) => found?.[name as keyof typeof found] === value,
      );
      return same ? found : undefined;
    });

  it("stays with the newer process when an older one reconnects", async () => {
    const older = await connect("a");
    older.break();
    await reads({ status: "offline" });
    const newer = await connect("b");
    const back = await connect("a");
    expect(await beat(back)).toEqual({ type: "superseded" });
    expect(await beat(newer)).toMatchObject(ACK);
    expect(await presence()).toMatchObject({ status: "online", instanceId: "b" });
  });

  it("survives a second connection that breaks before its first heartbeat", async () => {
    const first = await connect("a");
    const second = await connect("a", { rotation: true });
    second.break();
    await until(async () => ((await openOnes()) === 1 ? true : undefined));
    expect(await presence()).toMatchObject({ status: "online" });
    expect(await beat(first)).toMatchObject(ACK);
  });

  it("survives the end of any one of several connections", async () => {
    const first = await connect("a");
    await beat(first);
    const second = await connect("a", { rotation: true });
    await first.close();
    expect(await beat(second)).toMatchObject(ACK);
    const third = await connect("a", { rotation: true });
    third.break();
    await until(async () => ((await openOnes()) === 1 ? true : undefined));
    expect(await presence()).toMatchObject({ status: "online" });
    await second.close();
    await reads({ status: "offline", reason: "client_closed" });
  });

  it("lets a message to its agent reach the open connection", async () => {
    const asker = `asker-${randomUUID()}`;
    await register(asker);
    const from = await connect("x", {}, asker);
    const first = await connect("a");
    const second = await connect("a", { rotation: true });
    second.break();
    await until(async () => ((await openOnes()) === 1 ? true : undefined));
    const sent = await from.ask({ type: "publish", subject: "direct", to: agentId, data: 1 });
    expect(sent).toMatchObject({ type: "published", reached: 1 });
    expect(await first.next()).toMatchObject({ type: "message", data: 1 });
  });

  it("is not affected by a refused duplicate", async () => {
    const first = await connect("a");
    await expect(connect("b", { on_duplicate: "reject" })).rejects.toMatchObject({
      statusCode: 409,
    });
    expect(await beat(first)).toMatchObject(ACK);
    expect(await presence()).toMatchObject({ status: "online", instanceId: "a" });
  });

  it("notifies a superseded process at once, which may then only answer", async () => {
    const asker = `asker-${randomUUID()}`;
    await register(asker);
    const from = await connect("x", {}, asker);
    const older = await connect("a");
    expect(await older.ask({ type: "subscribe", subject: "tasks.>" })).toMatchObject({
      type: "subscribed",
    });
    const newer = await connect("b");
    expect(await older.next()).toEqual({ type: "superseded" });
    for (const message of [
      { type: "profile", capabilities: ["old"] },
      { type: "subscribe", subject: "tasks.more" },
      { type: "publish", subject: "tasks.more" },
      { type: "list" },
      { type: "history", agentId },
      { type: "heartbeat" },
    ]) {
      expect(await older.ask({ ...message, id: "m1" })).toEqual({ type: "superseded", id: "m1" });
    }
    const sent = await from.ask({ type: "publish", subject: "tasks.one", data: 1 });
    expect(sent).toMatchObject({ reached: 0 });
    const answer = { type: "publish", subject: `_inbox.${asker}.r1`, data: "answer" };
    expect(await older.ask(answer)).toMatchObject({ type: "published", reached: 1 });
    expect(await from.next()).toMatchObject({ type: "message", data: "answer", from: agentId });
    expect(await newer.ask({ type: "profile", capabilities: ["new"] })).toEqual({
      type: "profile_ack",
    });
  });

  it("expires on time even if the connection breaks later", async () => {
    const client = await connect("a", { heartbeat_interval: 5, heartbeat_timeout: 7.5 });
    const online = await presence();
    await reads({ status: "offline" });
    client.break();
    await until(async () => ((await openOnes()) === 0 ? true : undefined));
    expect(await presence()).toMatchObject({
      reason: "lease_expired",
      since: online?.leaseExpiresAt,
    });
  });

  it.each([
    [1001, "client_closed"],
    [1000, "client_closed"],
  ])(
    "that a client ends with %s is not reported as closed by the gateway",
    async (code, reason) => {
      const client = await connect("a");
      await client.close(code);
      await reads({ status: "offline", reason });
    },
  );

  it("reads as stalled since its deadline if the work hangs while heartbeats continue", async () => {
    const client = await connect("a", { heartbeat_interval: 5 });
    const { serverTime } = (await beat(client)) as unknown as { serverTime: number };
    const startedAt = serverTime - 20_000;
    const activity = { state: "blocked", maxSilenceMs: 8000, startedAt, progressAt: startedAt };
    await client.ask({ type: "heartbeat", activity });
    expect(await presence()).toMatchObject({ stalledSince: startedAt + 8000 });
    await client.ask({
      type: "heartbeat",
      activity: { ...activity, state: "working", maxSilenceMs: 1, progressAt: serverTime + 60_000 },
    });
    expect(await presence()).toMatchObject({ stalledSince: null });
  });

  /** The number of connections in the agent's row. */
  async function openOnes(): Promise<number> {
    const row = await storedRow(target.client, target.statusTableName, { organizationId, agentId });
    return row?.connections?.size ?? 0;
  }
});

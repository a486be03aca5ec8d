/** Leases over real sockets, with processes and connections that begin, end and reconnect. */

import { randomUUID } from "node:crypto";
import { publicKeyOf } from "@agent-heartbeat/sdk";
import { DeleteItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { fencingTokenOf } from "../../core/registry-record";
import { keyTagOf } from "../../core/row-connections";
import type { LeaseHolder } from "../../lambda/lease/holder";
import { LeaseStore } from "../../lambda/lease/store";
import { startAgent } from "../../testing/e2e/agent-process";
import { BareClient } from "../../testing/e2e/client";
import { openTarget, type Target } from "../../testing/e2e/target";
import { until } from "../../testing/e2e/until";
import { newEd25519Key } from "../../testing/keys";
import { type TestKey, testKey } from "../../testing/login";
import { holder, storedRow } from "../../testing/presence";

/** What the gateway says when it ends a connection. */
const AWAY = "Going away";

const DAY_MS = 86_400_000;

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
  /** What a function writes of a connection that has no socket: its handshake is under way, has failed or was refused. */
  const leases = () =>
    new LeaseStore({
      client: target.client,
      tableName: target.statusTableName,
      retentionMs: DAY_MS,
    });
  async function handshake(instanceId: string, overrides: Partial<LeaseHolder> = {}) {
    const agent = await target.registry.get({ organizationId, agentId });
    const [used] = agent?.publicKeys ?? [];
    if (!agent || !used) throw new Error(`expected ${agentId} to be registered`);
    return holder({
      organizationId,
      agentId,
      instanceId,
      connectionId: "L0SM9cOFvHcCIhw=",
      connectedAt: Date.now(),
      fencingToken: fencingTokenOf(agent),
      keyTag: keyTagOf(used),
      ...overrides,
    });
  }
  const sendHeartbeat = (client: BareClient) => client.ask({ type: "heartbeat" });
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
    expect(await sendHeartbeat(back)).toEqual({ type: "superseded" });
    expect(await sendHeartbeat(newer)).toMatchObject(ACK);
    expect(await presence()).toMatchObject({ status: "online", instanceId: "b" });
  });

  it("survives a second connection that breaks before its first heartbeat", async () => {
    const first = await connect("a");
    const second = await connect("a", { rotation: true });
    second.break();
    await until(async () => ((await openOnes()) === 1 ? true : undefined));
    expect(await presence()).toMatchObject({ status: "online" });
    expect(await sendHeartbeat(first)).toMatchObject(ACK);
  });

  it("survives the end of any one of several connections", async () => {
    const first = await connect("a");
    await sendHeartbeat(first);
    const second = await connect("a", { rotation: true });
    await first.close();
    expect(await sendHeartbeat(second)).toMatchObject(ACK);
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

  it("lets a message to its agent pass a connection that is not open yet", async () => {
    const asker = `asker-${randomUUID()}`;
    await register(asker);
    const from = await connect("x", {}, asker);
    const first = await connect("a");
    const second = await handshake("a", { rotation: true });
    expect(await leases().acquire(second, second.connectedAt)).toBe("acquired");
    const sent = await from.ask({ type: "publish", subject: "direct", to: agentId, data: 1 });
    expect(sent).toMatchObject({ type: "published", reached: 1 });
    expect(await first.next()).toMatchObject({ type: "message", data: 1 });
  });

  it("does not keep its agent online for a handshake that failed after its write, once the process has come back", async () => {
    const failed = await handshake("a");
    expect(await leases().acquire(failed, failed.connectedAt)).toBe("acquired");
    const back = await connect("a");
    expect(await presence()).toMatchObject({ status: "online", instanceId: "a" });
    back.break();
    await reads({ status: "offline", reason: "connection_lost" });
  });

  it("passes to a restarted process though the gateway's host of its dead predecessor was ahead by two seconds", async () => {
    const dead = await handshake("a", { connectedAt: Date.now() + 2000 });
    expect(await leases().acquire(dead, dead.connectedAt)).toBe("acquired");
    const restarted = await connect("b");
    expect(await sendHeartbeat(restarted)).toMatchObject(ACK);
    expect(await presence()).toMatchObject({ status: "online", instanceId: "b" });
  });

  it("is not affected by a refused duplicate", async () => {
    const first = await connect("a");
    await expect(connect("b", { on_duplicate: "reject" })).rejects.toMatchObject({
      statusCode: 409,
    });
    const refused = await handshake("b");
    await leases().release(refused, refused.connectedAt, "connection_lost");
    expect(await sendHeartbeat(first)).toMatchObject(ACK);
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
    const leaseExpiresAt = online?.leaseExpiresAt;
    expect(await presence()).toMatchObject({ reason: "lease_expired", since: leaseExpiresAt });
    const asker = `asker-${randomUUID()}`;
    await register(asker);
    const from = await connect("x", {}, asker);
    const offline = await until(async () => {
      const { transitions } = (await from.ask({ type: "history", agentId })) as unknown as {
        transitions: { event: string }[];
      };
      return transitions.find(({ event }) => event === "offline");
    });
    expect(offline).toMatchObject({ reason: "lease_expired", at: leaseExpiresAt });
  });

  it("is not brought back by a heartbeat once its row is deleted", async () => {
    const client = await connect("a");
    const Key = { organizationId: { S: organizationId }, agentId: { S: agentId } };
    await target.client.send(new DeleteItemCommand({ TableName: target.statusTableName, Key }));
    client.send({ type: "heartbeat" });
    await client.closed;
    expect(await presence()).toBeUndefined();
  });

  it.each([
    ["with 1000", "client_closed", (client: BareClient) => client.close(1000)],
    ["with 1000 as drained", "drained", (client: BareClient) => client.close(1000, "drained")],
    ["with 1001", "client_closed", (client: BareClient) => client.close(1001)],
    ["with 1001, going away", "client_closed", (client: BareClient) => client.close(1001, AWAY)],
    ["without a code", "client_closed", (client: BareClient) => client.close(null)],
    ["without a close frame", "connection_lost", (client: BareClient) => client.break()],
  ])("that a client ends %s is stored as %s", async (_, reason, end) => {
    const client = await connect("a");
    await end(client);
    await reads({ status: "offline", reason });
  });

  it("reads as stalled if a handler never returns the event loop, although a thread continues to send heartbeats", async () => {
    const settings = { agentId, organizationId, url: target.url, heartbeatInterval: 5 };
    const privateKey = newEd25519Key();
    const publicKey = (await publicKeyOf(privateKey)).jwk as never;
    await target.registry.addKey({ organizationId, agentId, publicKey });
    const spinner = startAgent({ ...settings, privateKey }, "spinner", true);
    try {
      await spinner.acknowledged;
      const asker = `asker-${randomUUID()}`;
      await register(asker);
      const from = await connect("x", {}, asker);
      const task = { type: "publish", subject: "tasks.spin", to: agentId };
      expect(await from.ask(task)).toMatchObject({ reached: 1 });
      const stalledAfter = (at: number) =>
        until(async () => {
          const found = await presence();
          const isStalled = found?.activity?.state === "blocked" && found.stalledSince !== null;
          return isStalled && found.lastHeartbeatAt > at ? found : undefined;
        });
      const first = await stalledAfter(0);
      // Its heartbeats go on, and it stays stalled.
      for (const found of [first, await stalledAfter(first.lastHeartbeatAt)]) {
        const { activity, stalledSince } = found;
        expect(found).toMatchObject({ status: "online", activity: { task: "tasks.spin" } });
        expect(stalledSince).toBe((activity?.progressAt ?? 0) + 1000);
      }
    } finally {
      await spinner.end();
    }
  });

  it("reads as stalled since its deadline if the work hangs while heartbeats continue", async () => {
    const client = await connect("a", { heartbeat_interval: 5 });
    const { serverTime } = (await sendHeartbeat(client)) as unknown as { serverTime: number };
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

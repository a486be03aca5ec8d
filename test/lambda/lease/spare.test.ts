/** The two connections that a process has while it replaces one: either may end first. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { LeaseStore } from "../../../lambda/lease/store";
import { revoke } from "../../../sdk/src/registry/revocation";
import { DynamoDbClock } from "../../../sdk/src/status/dynamodb-clock";
import { type Engine, startEngine } from "../../../testing/engine";
import { holder, storedRow } from "../../../testing/presence";

describe("a process with two connections", () => {
  let engine: Engine;
  let store: LeaseStore;
  let agentId: string;
  let count = 0;
  beforeAll(async () => {
    engine = await startEngine();
    const { client, statusTableName: tableName } = engine;
    store = new LeaseStore({ client, tableName, retentionMs: 86_400_000 });
  });
  beforeEach(async () => {
    count += 1;
    agentId = `agent-${count}`;
    await store.acquire(older(), 1000);
    await store.acquire(newer(), 2000);
  });
  afterAll(() => engine.stop());

  const older = () => holder({ agentId });
  const newer = () => holder({ agentId, connectionId: "B=", connectedAt: 2000 });
  const row = () => storedRow(engine.client, engine.statusTableName, older());

  it("is renewed by the older one, while the row is the newer one's", async () => {
    expect(await store.renew(older(), 3000, { state: "idle" })).toEqual({ written: true });
    expect(await row()).toMatchObject({
      status: "online",
      connectionId: "B=",
      leaseExpiresAt: 93_000,
      activity: { state: "idle" },
    });
  });

  it("stays online by the older one if the newer one ends first, until the older one does", async () => {
    await store.renew(older(), 3000);
    await store.renew(newer(), 5000);
    await store.release(newer(), 6000, "connection_lost");
    expect(await row()).toMatchObject({ status: "online", leaseExpiresAt: 93_000 });
    await store.renew(older(), 33_000);
    expect(await row()).toMatchObject({ status: "online", leaseExpiresAt: 123_000 });
    await store.release(older(), 40_000, "client_closed");
    expect(await row()).toMatchObject({
      status: "offline",
      reason: "client_closed",
      disconnectedAt: 40_000,
    });
    expect(await row()).not.toHaveProperty("onlineSince");
  });

  it("is offline at once when the newer one ends after the older one", async () => {
    await store.renew(older(), 3000);
    await store.release(older(), 4000, "client_closed");
    expect(await row()).toMatchObject({ status: "online", connectionId: "B=" });
    await store.release(newer(), 5000, "client_closed");
    expect(await row()).toMatchObject({ status: "offline", disconnectedAt: 5000 });
  });

  it("is offline at once when the newer one ends and the older one was not heard of since it began", async () => {
    await store.release(newer(), 5000, "connection_lost");
    expect(await row()).toMatchObject({ status: "offline", reason: "connection_lost" });
  });

  it("is offline at once when the newer one ends long after the older one fell silent", async () => {
    await store.renew(older(), 3000);
    await store.renew(newer(), 90_000);
    await store.release(newer(), 93_000, "client_closed");
    expect(await row()).toMatchObject({ status: "offline", disconnectedAt: 93_000 });
  });

  it("comes back by the older one's next heartbeat, not by one from before the end", async () => {
    await store.release(newer(), 5000, "connection_lost");
    await store.renew(older(), 4000);
    expect(await row()).toMatchObject({ status: "offline" });
    await store.renew(older(), 5001);
    expect(await row()).toMatchObject({
      status: "online",
      onlineSince: 5001,
      leaseExpiresAt: 95_001,
    });
    expect(await row()).not.toHaveProperty("reason");
  });

  it("remembers the later of both ends, however late the earlier one is told", async () => {
    const third = holder({ agentId, connectionId: "0=", connectedAt: 1500 });
    await store.renew(older(), 3000);
    await store.release(newer(), 5000, "connection_lost");
    await store.release(older(), 4000, "connection_lost");
    expect(await row()).toMatchObject({ status: "offline", disconnectedAt: 5000 });
    await store.renew(third, 4500);
    expect(await row()).toMatchObject({ status: "offline" });
    await store.renew(third, 5001);
    expect(await row()).toMatchObject({ status: "online", leaseExpiresAt: 95_001 });
  });

  it("knows the newer one's late heartbeats, beginning and end as void after its end", async () => {
    await store.renew(older(), 3000);
    await store.release(newer(), 5000, "connection_lost");
    const before = await row();
    await store.renew(newer(), 4000);
    await store.acquire(newer(), 2000);
    await store.release(newer(), 5000, "connection_lost");
    expect(await row()).toEqual(before);
  });

  it("comes back by the older one after a sweep", async () => {
    await store.renew(older(), 3000);
    await store.release(newer(), 5000, "connection_lost");
    const seen = await row();
    if (!seen) throw new Error("no row");
    await store.expire(seen);
    expect(await row()).toMatchObject({ status: "offline", reason: "lease_expired" });
    await store.renew(older(), 100_000);
    expect(await row()).toMatchObject({ status: "online", leaseExpiresAt: 190_000 });
  });

  it("has nothing to fall back on once a third connection has begun", async () => {
    await store.renew(older(), 3000);
    const third = holder({
      agentId,
      connectionId: "C=",
      connectedAt: 4000,
      instanceId: "process-c",
    });
    await store.acquire(third, 4000);
    await store.renew(older(), 5000);
    await store.release(third, 6000, "client_closed");
    expect(await row()).toMatchObject({ status: "offline", connectionId: "C=" });
  });

  it("is revoked with both, and not renewed by either", async () => {
    const clock = new DynamoDbClock(() => 7000);
    const { client, statusTableName: tableName } = engine;
    await store.renew(older(), 3000);
    await store.release(newer(), 5000, "connection_lost");
    expect(await revoke({ client, tableName, clock }, "acme", agentId)).toBe(true);
    const result = await store.renew(older(), 9_000_000_000_000);
    expect(result).toMatchObject({ written: false, row: { reason: "revoked" } });
    expect(await row()).toMatchObject({ status: "offline", reason: "revoked" });
  });
});

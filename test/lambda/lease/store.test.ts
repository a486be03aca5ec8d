import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type LeaseHolder, LeaseStore } from "../../../lambda/lease/store";
import { type Engine, startEngine } from "../../../testing/engine";
import { holder, storedRow } from "../../../testing/presence";

const RETENTION_MS = 7 * 86_400_000;

describe("LeaseStore", () => {
  let engine: Engine;
  let store: LeaseStore;
  let agentId: string;
  let count = 0;
  beforeAll(async () => {
    engine = await startEngine();
    store = new LeaseStore({
      client: engine.client,
      tableName: engine.statusTableName,
      retentionMs: RETENTION_MS,
    });
  });
  beforeEach(() => {
    count += 1;
    agentId = `agent-${count}`;
  });
  afterAll(() => engine.stop());

  const connection = (overrides: Partial<LeaseHolder> = {}) => holder({ agentId, ...overrides });
  const newer = (overrides: Partial<LeaseHolder> = {}) =>
    connection({ connectionId: "B=", connectedAt: 2000, instanceId: "process-b", ...overrides });
  const row = () => storedRow(engine.client, engine.statusTableName, connection());

  it("stores a whole row by a first heartbeat whose connect was never seen", async () => {
    await store.renew(connection(), 5000, { state: "working", task: "tasks.process", inFlight: 2 });
    expect(await row()).toEqual({
      organizationId: "acme",
      agentId,
      status: "online",
      connectionId: "A=",
      connectedAt: 1000,
      onlineSince: 5000,
      lastHeartbeatAt: 5000,
      leaseExpiresAt: 95_000,
      leaseMs: 90_000,
      heartbeatIntervalMs: 30_000,
      instanceId: "process-a",
      activity: { state: "working", task: "tasks.process", inFlight: 2 },
      ttlEpochSeconds: Math.ceil((95_000 + RETENTION_MS) / 1000),
    });
  });

  it("drops an activity that the next heartbeat does not repeat", async () => {
    await store.renew(connection(), 5000, { state: "idle" });
    await store.renew(connection(), 6000);
    expect(await row()).not.toHaveProperty("activity");
  });

  it("tells an older connection's heartbeat who holds the row", async () => {
    await store.acquire(newer(), 2000);
    const result = await store.renew(connection(), 3000);
    expect(result).toMatchObject({ written: false, row: { connectionId: "B=" } });
  });

  it("keeps the agent online when its old connection closes after it reconnected", async () => {
    await store.acquire(connection(), 1000);
    await store.acquire(newer(), 2000);
    expect(await store.release(connection(), 3000, "connection_lost")).toMatchObject({
      written: false,
    });
    expect(await row()).toMatchObject({ status: "online", connectionId: "B=" });
  });

  it("orders two connections of the same millisecond by their ids, whichever is written last", async () => {
    const [low, high] = [connection({ connectionId: "A=" }), connection({ connectionId: "B=" })];
    await store.acquire(high, 1000);
    expect(await store.acquire(low, 1000)).toMatchObject({ written: false });
    expect(await row()).toMatchObject({ connectionId: "B=" });
  });

  it("keeps since when the agent is online across a reconnection", async () => {
    await store.acquire(connection(), 1000);
    await store.acquire(newer(), 2000);
    expect(await row()).toMatchObject({ onlineSince: 1000 });
  });

  it("revives by a heartbeat an agent whose lease a sweep expired", async () => {
    await store.acquire(connection(), 1000);
    const observed = await row();
    if (observed) await store.expire(observed);
    expect(await row()).toMatchObject({ status: "offline", reason: "lease_expired" });
    await store.renew(connection(), 100_000);
    const revived = await row();
    expect(revived).toMatchObject({ status: "online", onlineSince: 100_000 });
    expect(revived).not.toHaveProperty("reason");
  });

  it("does not expire a lease that was renewed after it was observed", async () => {
    await store.acquire(connection(), 1000);
    const observed = await row();
    await store.renew(connection(), 2000);
    expect(observed && (await store.expire(observed))).toMatchObject({ written: false });
    expect(await row()).toMatchObject({ status: "online" });
  });

  it("lets one of two sweeps win", async () => {
    await store.acquire(connection(), 1000);
    const observed = await row();
    if (!observed) throw new Error("no row");
    const results = await Promise.all([store.expire(observed), store.expire(observed)]);
    expect(results.filter((result) => result.written)).toHaveLength(1);
  });

  it("keeps lease_expired as the reason when the connection is seen to end later", async () => {
    await store.acquire(connection(), 1000);
    const observed = await row();
    if (observed) await store.expire(observed);
    await store.release(connection(), 200_000, "gateway_closed");
    expect(await row()).toMatchObject({ reason: "lease_expired", disconnectedAt: 200_000 });
  });

  it("does not resurrect a connection that has ended", async () => {
    await store.acquire(connection(), 1000);
    await store.release(connection(), 2000, "client_closed");
    expect(await store.renew(connection(), 1500)).toMatchObject({ written: false });
    expect(await row()).toMatchObject({ status: "offline", reason: "client_closed" });
  });

  it("does not shorten a lease by a heartbeat that was overtaken", async () => {
    await store.renew(connection(), 9000);
    await store.renew(connection(), 5000);
    expect(await row()).toMatchObject({ lastHeartbeatAt: 9000, leaseExpiresAt: 99_000 });
  });

  it("refuses a second process while the first one's lease runs, if asked to be alone", async () => {
    await store.acquire(connection(), 1000);
    expect(await store.acquire(newer(), 2000, true)).toMatchObject({
      written: false,
      row: { instanceId: "process-a" },
    });
    expect(await store.acquire(newer({ connectedAt: 92_000 }), 92_000, true)).toEqual({
      written: true,
    });
  });

  it("stays within its size: 400 bytes with names of ordinary length, 1 KB with the longest", async () => {
    const ordinary = connection({
      agentId: "production-agent-001",
      connectionId: "L0SM9cOFvHcCIhw=",
    });
    await store.renew(ordinary, 1_790_000_000_000, {
      state: "working",
      task: "tasks.process",
      startedAt: 1_790_000_000_000,
      progressAt: 1_790_000_000_000,
      inFlight: 1,
    });
    const longest = connection({
      organizationId: "o".repeat(64),
      agentId: "a".repeat(64),
      instanceId: "i".repeat(64),
      connectionId: "L0SM9cOFvHcCIhw=",
    });
    await store.renew(longest, 1_790_000_000_000, {
      state: "working",
      task: "é".repeat(64),
      startedAt: 1_790_000_000_000,
      progressAt: 1_790_000_000_000,
      inFlight: 1_000_000_000,
      eventLoopLagMs: 1_000_000_000,
    });
    const rows = [ordinary, longest].map((one) =>
      storedRow(engine.client, engine.statusTableName, one),
    );
    const [small, large] = (await Promise.all(rows)).map((stored) => itemSize(stored ?? {}));
    expect(small).toBeLessThan(450);
    expect(large).toBeLessThan(1024);
  });
});

/** Bytes that DynamoDB bills: names and texts in UTF-8, about a byte per two digits, 3 a map. */
function itemSize(value: object): number {
  return Object.entries(value).reduce((sum, [name, content]) => {
    const size =
      typeof content === "object"
        ? 3 + itemSize(content)
        : typeof content === "number"
          ? Math.ceil(String(content).length / 2) + 1
          : Buffer.byteLength(String(content));
    return sum + Buffer.byteLength(name) + size;
  }, 0);
}

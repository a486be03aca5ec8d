import { derivePresence } from "@agent-heartbeat/sdk/status";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { LIMITS } from "../../../core/limits";
import { tagOf } from "../../../core/row-connections";
import type { LeaseHolder } from "../../../lambda/lease/holder";
import { LeaseStore } from "../../../lambda/lease/store";
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

  it("stores a complete row at the connect and the first heartbeat", async () => {
    await store.acquire(connection(), 4000);
    await store.renew(connection(), 5000, { state: "working", task: "tasks.process", inFlight: 2 });
    expect(await row()).toEqual({
      organizationId: "acme",
      agentId,
      status: "online",
      connectionId: "A=",
      connectedAt: 1000,
      onlineSince: 4000,
      connections: new Set(["A=.key"]),
      fencingToken: 0,
      processes: new Set([tagOf("process-a")]),
      lastHeartbeatAt: 5000,
      leaseExpiresAt: 95_000,
      heartbeatIntervalMs: 30_000,
      instanceId: "process-a",
      activity: { state: "working", task: "tasks.process", inFlight: 2 },
      ttlEpochSeconds: Math.ceil((95_000 + RETENTION_MS) / 1000),
    });
  });

  it("creates no row by a heartbeat", async () => {
    expect(await store.renew(connection(), 5000)).toEqual({ outcome: "ended", row: undefined });
    expect(await row()).toBeUndefined();
  });

  it("drops an activity that the next heartbeat does not repeat", async () => {
    await store.acquire(connection(), 1000);
    await store.renew(connection(), 5000, { state: "idle" });
    await store.renew(connection(), 6000);
    expect(await row()).not.toHaveProperty("activity");
  });

  it("answers an older process's heartbeat with superseded, and the newer process's row", async () => {
    await store.acquire(connection(), 1000);
    await store.acquire(newer(), 2000);
    const result = await store.renew(connection(), 3000);
    expect(result).toMatchObject({ outcome: "superseded", row: { connectionId: "B=" } });
  });

  it("keeps an agent online if its old connection closes after it reconnected", async () => {
    await store.acquire(connection(), 1000);
    await store.acquire(newer(), 2000);
    expect(await store.release(connection(), 3000, "connection_lost")).toBe("noted");
    expect(await row()).toMatchObject({ status: "online", connectionId: "B=" });
  });

  it("keeps the start of the online period across a reconnection", async () => {
    await store.acquire(connection(), 1000);
    await store.acquire(newer(), 2000);
    expect(await row()).toMatchObject({ onlineSince: 1000 });
  });

  it("keeps a process online with whichever of its two connections remains", async () => {
    const second = connection({ connectionId: "B=", connectedAt: 2000, rotation: true });
    await store.acquire(connection(), 1000);
    expect(await store.acquire(second, 2000)).toBe("acquired");
    expect(await store.release(second, 3000, "connection_lost")).toBe("noted");
    expect(await row()).toMatchObject({ status: "online", connections: new Set(["A=.key"]) });
    expect(await store.renew(connection(), 4000)).toMatchObject({ outcome: "renewed" });
    expect(await store.release(connection(), 5000, "client_closed")).toBe("ended");
    expect(await row()).toMatchObject({ status: "offline", disconnectedAt: 5000 });
    expect(await row()).not.toHaveProperty("connections");
  });

  it("drops a connection whose handshake failed once its process opens another one", async () => {
    await store.acquire(connection(), 1000);
    const second = connection({ connectionId: "B=", connectedAt: 2000 });
    await store.acquire(second, 2000);
    await store.release(second, 3000, "client_closed");
    expect(await row()).toMatchObject({ status: "offline", disconnectedAt: 3000 });
  });

  it("gives the row to a newer process, and not back while that one is alive", async () => {
    await store.acquire(connection(), 1000);
    await store.release(connection(), 1500, "connection_lost");
    await store.acquire(newer(), 2000);
    for (const connectedAt of [3000, 4000]) {
      const back = connection({ connectionId: `C${connectedAt}=`, connectedAt });
      expect(await store.acquire(back, connectedAt)).toBe("superseded");
    }
    expect(await row()).toMatchObject({ instanceId: "process-b" });
    await store.release(newer(), 5000, "client_closed");
    const last = connection({ connectionId: "D=", connectedAt: 6000 });
    expect(await store.acquire(last, 6000)).toBe("acquired");
  });

  it("gives the row to a restarted process even if the gateway's clocks differ by two seconds", async () => {
    await store.acquire(connection({ connectedAt: 9000 }), 9000);
    await store.renew(connection({ connectedAt: 9000 }), 9500);
    expect(await store.acquire(newer({ connectedAt: 7000 }), 7000)).toBe("acquired");
    expect(await row()).toMatchObject({ instanceId: "process-b", lastHeartbeatAt: 9501 });
  });

  it("remembers the last few processes, and stays within its size", async () => {
    for (let process = 0; process < 20; process++) {
      const connectedAt = 1000 + process * 5000;
      const one = { connectionId: `C${process}=`, instanceId: `process-${process}`, connectedAt };
      expect(await store.acquire(connection(one), connectedAt)).toBe("acquired");
    }
    const found = await row();
    expect(found?.processes?.size).toBeLessThanOrEqual(6);
    const before = connection({
      connectionId: "D=",
      instanceId: "process-18",
      connectedAt: 101_000,
    });
    expect(await store.acquire(before, 101_000)).toBe("superseded");
  });

  it("asks a process to retry that connects within seconds after more processes than the row can remember", async () => {
    const come = (process: number, connectedAt = 1000 + process) =>
      store.acquire(
        connection({ connectionId: `C${process}=`, instanceId: `process-${process}`, connectedAt }),
        connectedAt,
      );
    for (let process = 0; process < 6; process++) expect(await come(process)).toBe("acquired");
    expect(await come(6)).toBe("contended");
    expect(await come(0)).toBe("superseded");
    expect(await come(7, 6000)).toBe("acquired");
  });

  it("brings an agent online again by a heartbeat after a sweep expired its lease", async () => {
    await store.acquire(connection(), 1000);
    const observed = await row();
    if (observed) await store.expire(observed);
    expect(await row()).toMatchObject({ status: "offline", reason: "lease_expired" });
    await store.renew(connection(), 100_000);
    const revived = await row();
    expect(revived).toMatchObject({ status: "online", onlineSince: 100_000 });
    expect(revived).not.toHaveProperty("reason");
  });

  it("counts a heartbeat after its lease's end though another connection renews the lease at the same moment", async () => {
    await store.acquire(connection(), 1000);
    const second = connection({ connectionId: "B=", connectedAt: 85_000, rotation: true });
    let sent = 0;
    const send = async (command: never) => {
      sent += 1;
      if (sent === 2) await store.acquire(second, 85_000);
      return engine.client.send(command);
    };
    const racing = new LeaseStore({
      client: Object.assign(Object.create(engine.client), { send }),
      tableName: engine.statusTableName,
      retentionMs: RETENTION_MS,
    });
    expect(await racing.renew(connection(), 100_000)).toEqual({
      outcome: "renewed",
      leaseExpiresAt: 190_000,
      lastHeartbeatAt: 100_000,
    });
    expect(await row()).toMatchObject({ lastHeartbeatAt: 100_000, leaseExpiresAt: 190_000 });
  });

  it("does not expire a lease that was renewed after it was read", async () => {
    await store.acquire(connection(), 1000);
    const observed = await row();
    await store.renew(connection(), 2000);
    expect(observed && (await store.expire(observed))).toBe(false);
    expect(await row()).toMatchObject({ status: "online" });
  });

  it("lets only one of two sweeps expire a lease", async () => {
    await store.acquire(connection(), 1000);
    const observed = await row();
    if (!observed) throw new Error("no row");
    const results = await Promise.all([store.expire(observed), store.expire(observed)]);
    expect(results.filter(Boolean)).toHaveLength(1);
  });

  it("keeps lease_expired as the reason if the connection ends later", async () => {
    await store.acquire(connection(), 1000);
    const observed = await row();
    if (observed) await store.expire(observed);
    await store.release(connection(), 200_000, "gateway_closed");
    expect(await row()).toMatchObject({ reason: "lease_expired", leaseExpiresAt: 91_000 });
  });

  it("stores a disconnect after the lease's end as an expiry, even without a sweep", async () => {
    await store.acquire(connection(), 1000);
    expect(await store.release(connection(), 100_000, "connection_lost")).toBe("ended");
    const found = await row();
    expect(found && derivePresence(found, 100_000)).toMatchObject({
      reason: "lease_expired",
      since: 91_000,
    });
  });

  it("ignores late writes of a connection that has ended", async () => {
    await store.acquire(connection(), 1000);
    await store.release(connection(), 2000, "client_closed");
    expect(await store.renew(connection(), 3000)).toMatchObject({ outcome: "ended" });
    expect(await row()).toMatchObject({ status: "offline", reason: "client_closed" });
  });

  it("does not shorten a lease by a heartbeat that arrives out of order", async () => {
    await store.acquire(connection(), 1000);
    await store.renew(connection(), 9000);
    expect(await store.renew(connection(), 5000)).toEqual({
      outcome: "renewed",
      leaseExpiresAt: 99_000,
      lastHeartbeatAt: 9000,
    });
    expect(await row()).toMatchObject({ lastHeartbeatAt: 9000, leaseExpiresAt: 99_000 });
  });

  it("answers a newer process with a later time than any older one, though its gateway host's clock is behind", async () => {
    await store.acquire(connection(), 5000);
    const older = await store.renew(connection(), 6000);
    expect(await store.acquire(newer({ connectionId: "B=", connectedAt: 5500 }), 5500)).toBe(
      "acquired",
    );
    const first = await store.renew(newer(), 5600);
    const second = await store.renew(newer(), 7000);
    expect([older, first, second]).toEqual(
      [6000, 6001, 7000].map((lastHeartbeatAt) =>
        expect.objectContaining({ outcome: "renewed", lastHeartbeatAt }),
      ),
    );
  });

  it("refuses a second process that uses on_duplicate: reject while the first one's lease is valid", async () => {
    await store.acquire(connection(), 1000);
    expect(await store.acquire(newer(), 2000, true)).toBe("duplicate");
    await store.release(newer(), 3000, "client_closed");
    expect(await row()).toMatchObject({ status: "online", instanceId: "process-a" });
    const later = newer({ connectionId: "C=", connectedAt: 92_000 });
    expect(await store.acquire(later, 92_000, true)).toBe("acquired");
  });

  it("keeps a row within 400 bytes with names of ordinary length, and within 1 KB with the longest", async () => {
    const ordinary = connection({
      agentId: "production-agent-001",
      instanceId: "0b9f7a52-3f0c-4c7e-9d53-2f4a52c1c7b1",
      keyTag: "a1B2c3",
      connectionId: "L0SM9cOFvHcCIhw=",
      fencingToken: 1_790_000_000_000,
    });
    const longest = connection({
      organizationId: "o".repeat(LIMITS.idLength),
      agentId: "a".repeat(LIMITS.idLength),
      instanceId: "i".repeat(64),
      keyTag: "a1B2c3",
      connectionId: "L0SM9cOFvHcCIhw=",
      fencingToken: 1_790_000_000_000,
    });
    const at = 1_790_000_000_000;
    for (const one of [ordinary, longest]) {
      const instances = ["1", "2"].map((digit) => digit + one.instanceId.slice(1));
      const before = { ...one, instanceId: instances[0] ?? "", connectionId: "M1SM9cOFvHcCIhw=" };
      const now = { ...one, instanceId: instances[1] ?? "", connectedAt: at };
      await store.acquire({ ...before, connectedAt: at - 9 }, at - 9);
      await store.release(before, at - 5, "client_closed");
      await store.acquire(now, at);
      await store.renew(now, at + 1, {
        state: "working",
        task: one === longest ? "é".repeat(64) : "tasks.process",
        startedAt: at,
        progressAt: at,
        inFlight: one === longest ? 1_000_000_000 : 1,
        ...(one === longest && { eventLoopLagMs: 1_000_000_000 }),
      });
    }
    const rows = [ordinary, longest].map((one) =>
      storedRow(engine.client, engine.statusTableName, one),
    );
    const [small, large] = (await Promise.all(rows)).map((stored) => itemSize(stored ?? {}));
    expect(small).toBeLessThan(500);
    expect(large).toBeLessThan(1024);
  });
});

/** Bytes that DynamoDB bills: names and texts in UTF-8, about a byte per two digits, 3 a map. */
function itemSize(value: object): number {
  return Object.entries(value).reduce((sum, [name, content]) => {
    const size =
      content instanceof Set
        ? 3 + [...content].reduce((all, text) => all + 1 + Buffer.byteLength(text), 0)
        : typeof content === "object"
          ? 3 + itemSize(content)
          : typeof content === "number"
            ? Math.ceil(String(content).length / 2) + 1
            : Buffer.byteLength(String(content));
    return sum + Buffer.byteLength(name) + size;
  }, 0);
}

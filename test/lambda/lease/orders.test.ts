/** Every order and duplicate in which the events of two connections of two processes can reach the table. */

import { derivePresence } from "@agent-heartbeat/sdk/status";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import pLimit from "p-limit";
import { LeaseStore } from "../../../lambda/lease/store";
import { type Engine, startEngine } from "../../../testing/engine";
import { holder, storedRow } from "../../../testing/presence";

type Step = (agentId: string) => Promise<unknown>;

const RETENTION_MS = 7 * 86_400_000;
const OVER_AT = 30_000;

describe("the four writes, in every order", () => {
  let engine: Engine;
  let store: LeaseStore;
  beforeAll(async () => {
    engine = await startEngine({ stream: false });
    store = new LeaseStore({
      client: engine.client,
      tableName: engine.statusTableName,
      retentionMs: RETENTION_MS,
    });
  });
  afterAll(() => engine.stop());

  // A's lease is over when the sweep judges, B's is not.
  const a = (agentId: string) => holder({ agentId, leaseMs: 5000 });
  const b = (agentId: string) =>
    holder({ agentId, connectionId: "B=", connectedAt: 15_000, instanceId: "process-b" });

  const steps = {
    connectA: (id) => store.acquire(a(id), 1000),
    heartbeatA: (id) => store.renew(a(id), 11_000),
    disconnectA: (id) => store.release(a(id), 20_000, "connection_lost"),
    connectB: (id) => store.acquire(b(id), 15_000),
    heartbeatB: (id) => store.renew(b(id), 25_000),
    disconnectB: (id) => store.release(b(id), 28_000, "client_closed"),
    sweep: async (id) => {
      const row = await read(id);
      if (row?.status === "online" && row.leaseExpiresAt < OVER_AT) await store.expire(row);
    },
  } satisfies Record<string, Step>;

  const read = (agentId: string) =>
    storedRow(engine.client, engine.statusTableName, holder({ agentId }));

  async function play(names: (keyof typeof steps)[], agentId: string) {
    for (const name of names) await steps[name](agentId);
    return read(agentId);
  }

  /** Each order once, then with every event repeated in the same and in the opposite order. */
  async function expectAlways(names: (keyof typeof steps)[], expected: object) {
    const orders = permutations(names)
      .filter(isPossible)
      .flatMap((order) => [order, [...order, ...order], [...order, ...[...order].reverse()]]);
    const wrong: string[] = [];
    await pLimit(32).map([...orders.entries()], async ([index, order]) => {
      const row = await play(order, `${names.length}-${index}`);
      const found = JSON.stringify(row && pick(row, Object.keys(expected)));
      if (found !== JSON.stringify(expected)) wrong.push(`${order.join(", ")}: ${found}`);
    });
    expect(wrong).toEqual([]);
  }

  it("leave the newer connection online, whenever the older one ends or a sweep runs", async () => {
    await expectAlways(
      ["connectA", "heartbeatA", "disconnectA", "connectB", "heartbeatB", "sweep"],
      {
        status: "online",
        connectionId: "B=",
        connectedAt: 15_000,
        instanceId: "process-b",
        lastHeartbeatAt: 25_000,
        leaseExpiresAt: 115_000,
        reason: undefined,
        disconnectedAt: undefined,
      },
    );
  }, 300_000);

  it("leave the agent offline once the newer connection has ended", async () => {
    await expectAlways(
      ["connectA", "disconnectA", "connectB", "heartbeatB", "disconnectB", "sweep"],
      {
        status: "offline",
        connectionId: "B=",
        connectedAt: 15_000,
        reason: "client_closed",
        disconnectedAt: 28_000,
        onlineSince: undefined,
      },
    );
  }, 300_000);

  it("never show an agent as online after its deadline, nor a silent one as anything but expired", async () => {
    const orders = permutations(["connectA", "heartbeatA", "sweep"] as const).filter(isPossible);
    for (const [index, order] of orders.entries()) {
      const row = await play([...order], `silent-${index}`);
      const presence = row && derivePresence(row, OVER_AT);
      expect(presence).toMatchObject({ status: "offline", reason: "lease_expired", since: 16_000 });
    }
  });
});

/** A connection begins before it beats and ends: the gateway waits for `$connect`. */
function isPossible(order: readonly string[]): boolean {
  return ["A", "B"].every((connection) => {
    const begins = order.indexOf(`connect${connection}`);
    return ["heartbeat", "disconnect"].every((event) => {
      const at = order.indexOf(`${event}${connection}`);
      return at < 0 || begins < at;
    });
  });
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, index) =>
    permutations(items.filter((_, other) => other !== index)).map((rest) => [item, ...rest]),
  );
}

function pick(row: object, names: string[]) {
  return Object.fromEntries(names.map((name) => [name, row[name as keyof typeof row]]));
}

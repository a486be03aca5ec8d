/**
 * Every order and duplicate in which the events of two connections of two processes can reach the table. All are
 * played in memory; a sample is played on the engine too, which must end with the same row.
 */

import { derivePresence, type StatusRow } from "@agent-heartbeat/sdk/status";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import pLimit from "p-limit";
import { LeaseStore } from "../../../lambda/lease/store";
import { type Engine, startEngine } from "../../../testing/engine";
import { EXHAUSTIVE } from "../../../testing/exhaustive";
import { InMemoryTable } from "../../../testing/model/in-memory-table";
import { holder, storedRow } from "../../../testing/presence";

/** Every n-th order is also played on the engine. */
const SAMPLE = EXHAUSTIVE ? 1 : 31;

type Step = (table: Table, agentId: string) => Promise<unknown>;

const RETENTION_MS = 7 * 86_400_000;
const OVER_AT = 30_000;

/** The stores of the rows. */
class Table {
  readonly store: LeaseStore;

  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
  ) {
    this.store = new LeaseStore({ client, tableName, retentionMs: RETENTION_MS });
  }

  read(agentId: string): Promise<StatusRow | undefined> {
    return storedRow(this.client, this.tableName, holder({ agentId }));
  }
}

describe("the four writes, in every order", () => {
  let engine: Engine;
  let onEngine: Table;
  beforeAll(async () => {
    engine = await startEngine({ stream: false });
    onEngine = new Table(engine.client, engine.statusTableName);
  });
  afterAll(() => engine.stop());

  // A's lease has expired when the sweep runs, B's has not.
  const a = (agentId: string) => holder({ agentId, leaseMs: 5000 });
  const b = (agentId: string) =>
    holder({ agentId, connectionId: "B=", connectedAt: 15_000, instanceId: "process-b" });

  const steps = {
    connectA: ({ store }, id) => store.acquire(a(id), 1000),
    heartbeatA: ({ store }, id) => store.renew(a(id), 11_000),
    disconnectA: ({ store }, id) => store.release(a(id), 20_000, "connection_lost"),
    connectB: ({ store }, id) => store.acquire(b(id), 15_000),
    heartbeatB: ({ store }, id) => store.renew(b(id), 25_000),
    disconnectB: ({ store }, id) => store.release(b(id), 28_000, "client_closed"),
    sweep: async (table, id) => {
      const row = await table.read(id);
      if (row?.status === "online" && row.leaseExpiresAt < OVER_AT) await table.store.expire(row);
    },
  } satisfies Record<string, Step>;

  async function play(table: Table, names: readonly (keyof typeof steps)[], agentId: string) {
    for (const name of names) await steps[name](table, agentId);
    return table.read(agentId);
  }

  /** Plays an order in memory, and some orders on the engine, which must agree. */
  async function outcome(names: readonly (keyof typeof steps)[], agentId: string, index: number) {
    const inMemory = new Table(new InMemoryTable().client(), "in-memory");
    const row = await play(inMemory, names, agentId);
    if (index % SAMPLE === 0) expect(await play(onEngine, names, agentId)).toEqual(row);
    return row;
  }

  /** Each order once, then with every event repeated in the same and in the opposite order. */
  async function expectAlways(names: (keyof typeof steps)[], expected: object) {
    const orders = permutations(names)
      .filter(isPossible)
      .flatMap((order) => [order, [...order, ...order], [...order, ...[...order].reverse()]]);
    const wrong: string[] = [];
    await pLimit(32).map([...orders.entries()], async ([index, order]) => {
      const row = await outcome(order, `${names.join()}-${index}`, index);
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
  });

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
  });

  it("never show an agent as online after its deadline, nor a silent one as anything but expired", async () => {
    const orders = permutations(["connectA", "heartbeatA", "sweep"] as const).filter(isPossible);
    for (const [index, order] of orders.entries()) {
      const row = await outcome(order, `silent-${index}`, index);
      const presence = row && derivePresence(row, OVER_AT);
      expect(presence).toMatchObject({ status: "offline", reason: "lease_expired", since: 16_000 });
    }
  });
});

/** A connection begins before its heartbeats and its end, because the gateway waits for `$connect`. */
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

import { StatusReader } from "@agent-heartbeat/sdk/status";
import { BatchWriteItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import pLimit from "p-limit";
import { LeaseStore } from "../../../lambda/lease/store";
import type { Connections } from "../../../lambda/shared/connections";
import { FleetCountStore } from "../../../lambda/shared/fleet-size";
import { sweepHandler } from "../../../lambda/sweep/handler";
import { dynamoDbLeaseScan, type LeaseScan } from "../../../lambda/sweep/scan";
import { dynamoDbScanCheckpoints } from "../../../lambda/sweep/scan-checkpoints";
import { TrendStore } from "../../../lambda/sweep/trend-store";
import { type Engine, startEngine } from "../../../testing/engine";
import {
  ConnectionsRecorder,
  holder,
  LogRecorder,
  MetricsRecorder,
  storedRow,
} from "../../../testing/presence";
import { onlineRow } from "../../../testing/status-rows";

const NOW = 1_000_000;

describe("the sweep", () => {
  let engine: Engine;
  let leases: LeaseStore;
  let connections: ConnectionsRecorder;
  let metrics: MetricsRecorder;
  let fleet: FleetCountStore;
  beforeEach(async () => {
    engine = await startEngine();
    connections = new ConnectionsRecorder();
    metrics = new MetricsRecorder();
    fleet = new FleetCountStore(engine.client, engine.registryTableName);
    leases = new LeaseStore({
      client: engine.client,
      tableName: engine.statusTableName,
      retentionMs: 86_400_000,
    });
  });
  afterEach(() => engine.stop());

  function compose(
    overrides: {
      connections?: Pick<Connections, "close">;
      leases?: Pick<LeaseStore, "expire">;
      scan?: (scan: LeaseScan) => LeaseScan;
      segments?: number;
      keptRows?: number;
    } = {},
  ) {
    const { client, statusTableName, registryTableName } = engine;
    const segments = overrides.segments ?? 4;
    return sweepHandler({
      leases: {
        expire: (row) => (overrides.leases ?? leases).expire(row),
        stall: (row) => leases.stall(row),
        recover: (row) => leases.recover(row),
        forget: (row) => leases.forget(row),
      },
      scan: (overrides.scan ?? ((scan) => scan))(
        dynamoDbLeaseScan(client, statusTableName, segments),
      ),
      checkpoints: dynamoDbScanCheckpoints(client, registryTableName, segments),
      fleet,
      trends: new TrendStore({ client, registryTableName }),
      selfPreservation: undefined,
      connections: overrides.connections ?? connections,
      log: new LogRecorder(),
      metrics: metrics.sink,
      clock: () => NOW,
      scanReserveMs: 1000,
      reserveMs: 100,
      keptRows: overrides.keptRows ?? 100,
    });
  }
  const unhurried = { getRemainingTimeInMillis: () => 300_000 };

  const begin = (agentId: string, at: number) =>
    leases.acquire(holder({ agentId, connectionId: `connection-of-${agentId}` }), at);
  const row = (agentId: string) =>
    storedRow(engine.client, engine.statusTableName, holder({ agentId }));

  it("stores agents with expired leases as offline, and no others", async () => {
    await begin("silent", NOW - 92_001);
    await begin("within-grace", NOW - 91_000);
    await begin("healthy", NOW - 1000);
    await begin("closed", NOW - 200_000);
    await leases.release(
      holder({ agentId: "closed", connectionId: "connection-of-closed" }),
      NOW - 150_000,
      "client_closed",
    );
    const report = await compose()({}, unhurried);
    expect(report).toEqual({
      failures: 0,
      online: 1,
      overdue: 0,
      found: 1,
      expired: 1,
      held: 0,
      lost: 0,
      stalled: 0,
      recovered: 0,
      connectionsClosed: 1,
      closesFailed: 0,
      finished: true,
    });
    expect(await row("silent")).toMatchObject({ status: "offline", reason: "lease_expired" });
    expect(await row("within-grace")).toMatchObject({ status: "online" });
    expect(await row("healthy")).toMatchObject({ status: "online" });
    expect(await row("closed")).toMatchObject({ reason: "client_closed" });
    expect(connections.calls).toEqual([["close", "connection-of-silent"]]);
    expect(metrics.counts).toMatchObject({
      LeasesExpired: 1,
      ConnectionsClosed: 1,
    });
    expect(metrics.counts).not.toHaveProperty("SweepsUnfinished");
  });

  it("counts online agents and late heartbeats by the derived status", async () => {
    await begin("healthy", NOW - 37_500);
    await begin("late", NOW - 37_501);
    await begin("within-grace", NOW - 91_000);
    await begin("silent", NOW - 200_000);
    await begin("closed", NOW - 1000);
    await leases.release(
      holder({ agentId: "closed", connectionId: "connection-of-closed" }),
      NOW - 500,
      "client_closed",
    );
    expect(await fleet.get()).toBeUndefined();
    expect(await compose()({}, unhurried)).toMatchObject({ online: 2, overdue: 1 });
    expect(await fleet.get()).toMatchObject({ online: 2, countedAt: NOW });
    expect(metrics.counts).toMatchObject({ AgentsOnline: 2, HeartbeatsOverdue: 1 });
  });

  it("counts an empty fleet", async () => {
    await compose()({}, unhurried);
    expect(await fleet.get()).toMatchObject({ online: 0, countedAt: NOW });
  });

  it("remembers the maximum online for as long as a connection can last", async () => {
    const hours = (n: number) => NOW + n * 3_600_000;
    const peaks: unknown[] = [];
    for (const [online, at] of [
      [100, 0],
      [5, 0.5],
      [0, 1.9],
      [7, 2],
      [6, 2.5],
      [8, 3],
    ] as const) {
      await fleet.put({ online, countedAt: hours(at) });
      const count = await fleet.get();
      expect(count).toMatchObject({ online, countedAt: hours(at) });
      peaks.push(count?.peak);
    }
    expect(peaks).toEqual([100, 100, 100, 7, 7, 8]);
  });

  it("marks an agent whose work has stalled once, until it makes progress", async () => {
    const agent = holder({ agentId: "looping" });
    const work = { state: "working", maxSilenceMs: 60_000, startedAt: NOW - 100_000 } as const;
    await leases.acquire(agent, NOW - 9000);
    await leases.renew(agent, NOW, { ...work, progressAt: NOW - 60_001 });
    const sweep = compose();
    expect(await sweep({}, unhurried)).toMatchObject({ found: 1, stalled: 1, expired: 0 });
    expect(await row("looping")).toMatchObject({ status: "online", stalledSince: NOW - 1 });
    await leases.renew(agent, NOW + 1, { ...work, progressAt: NOW - 60_001 });
    expect(await sweep({}, unhurried)).toMatchObject({ found: 0 });
    await leases.renew(agent, NOW + 2, { ...work, progressAt: NOW - 4000 });
    expect(await sweep({}, unhurried)).toMatchObject({ found: 1, recovered: 1 });
    expect(await row("looping")).not.toHaveProperty("stalledSince");
    expect(metrics.counts).toMatchObject({ AgentsStalled: 1, AgentsRecovered: 1 });
  });

  it("ignores work without a limit, and idle agents", async () => {
    const long = { startedAt: 0, progressAt: 0 };
    for (const agentId of ["patient", "idle"]) await leases.acquire(holder({ agentId }), NOW - 2);
    await leases.renew(holder({ agentId: "patient" }), NOW - 1, { state: "working", ...long });
    const idle = { state: "idle", maxSilenceMs: 1, ...long } as const;
    await leases.renew(holder({ agentId: "idle" }), NOW - 1, idle);
    expect(await compose()({}, unhurried)).toMatchObject({ found: 0 });
  });

  it("processes more rows than it keeps in memory, with a second scan", async () => {
    const names = Array.from({ length: 30 }, (_, index) => `a${index}`);
    await Promise.all(names.map((name) => begin(name, NOW - 200_000)));
    const report = await compose({ keptRows: 7 })({}, unhurried);
    expect(report).toMatchObject({ found: 30, expired: 30, lost: 0, finished: true, online: 0 });
    expect(connections.calls).toHaveLength(30);
  });

  it("leaves rows that it has no time for to the next run, and reports it", async () => {
    await Promise.all(["a", "b"].map((name) => begin(name, NOW - 200_000)));
    const late = { getRemainingTimeInMillis: () => 99 };
    expect(await compose()({}, late)).toMatchObject({ found: 2, expired: 0, finished: false });
    expect(metrics.counts).toMatchObject({ SweepsUnfinished: 1 });
    expect(await compose()({}, unhurried)).toMatchObject({ expired: 2, finished: true });
  });

  it("expires each lease once if two sweeps overlap", async () => {
    const names = Array.from({ length: 50 }, (_, index) => `a${index}`);
    await Promise.all(names.map((name) => begin(name, NOW - 200_000)));
    const reports = await Promise.all([compose()({}, unhurried), compose()({}, unhurried)]);
    expect(reports.reduce((sum, { expired }) => sum + expired, 0)).toBe(50);
    expect(connections.calls).toHaveLength(50);
  });

  it("continues after a connection that is gone or can't be closed", async () => {
    await Promise.all([begin("gone", NOW - 200_000), begin("failing", NOW - 200_000)]);
    const close = async (connectionId: string) => {
      if (connectionId === "connection-of-failing") throw new Error("limit exceeded");
      return "gone" as const;
    };
    const report = await compose({ connections: { close } })({}, unhurried);
    expect(report).toMatchObject({ expired: 2, connectionsClosed: 0, closesFailed: 1 });
    expect(await row("failing")).toMatchObject({ status: "offline" });
  });

  it("continues after rows that can't be written, counts them, and finds them again", async () => {
    const names = Array.from({ length: 40 }, (_, index) => `a${index}`);
    await Promise.all(names.map((name) => begin(name, NOW - 200_000)));
    const failing = {
      expire: (row: Parameters<LeaseStore["expire"]>[0]) =>
        row.agentId.endsWith("7") ? Promise.reject(new Error("throttled")) : leases.expire(row),
    };
    expect(await compose({ leases: failing })({}, unhurried)).toMatchObject({
      expired: 36,
      failures: 4,
      finished: true,
    });
    expect(metrics.counts).toMatchObject({ SweepFailures: 4 });
    expect(await compose()({}, unhurried)).toMatchObject({ expired: 4, failures: 0 });
  });

  it("continues after a segment that can't be read, and reads it in the next run", async () => {
    const names = Array.from({ length: 10 }, (_, index) => `a${index}`);
    await Promise.all(names.map((name) => begin(name, NOW - 200_000)));
    const broken = (scan: LeaseScan): LeaseScan => ({
      ...scan,
      page: (segment, position) =>
        segment === 1 ? Promise.reject(new Error("throttled")) : scan.page(segment, position),
    });
    const first = await compose({ scan: broken })({}, unhurried);
    expect(first).toMatchObject({ failures: 1, finished: false });
    const second = await compose()({}, unhurried);
    expect(second).toMatchObject({ failures: 0, finished: true });
    expect(first.expired + second.expired).toBe(10);
  });

  it("stops before its timeout and continues in the next run", async () => {
    const names = Array.from({ length: 60 }, (_, index) => `large-${index}`);
    await putLargeRows(names);
    const sweep = compose({ segments: 2 });
    const hurried = { getRemainingTimeInMillis: () => 500 };
    let runs = 0;
    let expired = 0;
    let finished = false;
    while (!finished) {
      const report = await sweep({}, hurried);
      runs += 1;
      expired += report.expired;
      finished = report.finished;
    }
    expect(runs).toBeGreaterThan(2);
    expect(expired).toBe(60);
    expect(await fleet.get()).toMatchObject({ online: 0, countedAt: NOW });
    expect(metrics.counts.SweepsUnfinished).toBe(runs - 1);
    await begin("later", NOW - 200_000);
    expect(await sweep({}, unhurried)).toMatchObject({ expired: 1, finished: true });
  });

  it("stores the count of a table that takes several runs once the whole table is counted", async () => {
    const names = Array.from({ length: 60 }, (_, index) => `large-${index}`);
    await putLargeRows(names, NOW);
    await begin("small", NOW - 1000);
    const sweep = compose({ segments: 2 });
    const hurried = { getRemainingTimeInMillis: () => 500 };
    while (!(await sweep({}, hurried)).finished) {
      expect(await fleet.get()).toBeUndefined();
      expect(metrics.counts).not.toHaveProperty("AgentsOnline");
    }
    expect(await fleet.get()).toMatchObject({ online: 61, countedAt: NOW });
    expect(metrics.counts).toMatchObject({ AgentsOnline: 61 });
    expect(await trendOf("acme")).toEqual([{ at: NOW, online: 61, stalled: 0, overdue: 0 }]);
    expect(await sweep({}, unhurried)).toMatchObject({ online: 61 });
  });

  it.each([
    [200, [{ at: NOW, online: 1, stalled: 1, overdue: 0 }]],
    [201, []],
  ])(
    "stores counts of %i organizations after two runs only if checkpoints kept all of them",
    async (organizations, trend) => {
      const rows = Array.from({ length: organizations }, (_, index) =>
        onlineRow(NOW, { organizationId: `o${index}`, stallsAt: NOW - 1, stalledSince: NOW - 1 }),
      );
      const next = marshall({ organizationId: "o", agentId: "a" });
      const scan = (): LeaseScan => ({
        segments: [0],
        page: async (_, position) => (position ? { rows: [], next: undefined } : { rows, next }),
      });
      const sweep = compose({ segments: 1, scan });
      const hurried = { getRemainingTimeInMillis: () => 500 };
      expect(await sweep({}, hurried)).toMatchObject({ finished: false });
      expect(await sweep({}, hurried)).toMatchObject({ finished: true, online: organizations });
      expect(await trendOf("o0")).toEqual(trend);
    },
  );

  const trendOf = (organizationId: string) =>
    new StatusReader({
      client: engine.client,
      tableName: engine.statusTableName,
      registryTableName: engine.registryTableName,
      correctClock: false,
      now: () => NOW,
    }).counts(organizationId);

  /** 100 KB each, so that a page of the scan, a megabyte, holds about ten. */
  async function putLargeRows(names: string[], lastHeartbeatAt = 1000): Promise<void> {
    await pLimit(8).map(names, async (agentId) => {
      const { organizationId, ...terms } = holder({ agentId });
      const Item = marshall({
        ...terms,
        organizationId,
        status: "online",
        lastHeartbeatAt,
        leaseExpiresAt: lastHeartbeatAt + 90_000,
        ttlEpochSeconds: 1_000_000,
        padding: "x".repeat(100_000),
      });
      await engine.client.send(
        new BatchWriteItemCommand({
          RequestItems: { [engine.statusTableName]: [{ PutRequest: { Item } }] },
        }),
      );
    });
  }
});

import { StatusReader } from "@agent-heartbeat/sdk/status";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { EVENT_DETAIL_TYPES, EVENT_SOURCE } from "../../../core/events";
import type { HeartbeatMessage } from "../../../core/protocol";
import { LeaseStore } from "../../../lambda/lease/store";
import { FleetCountStore } from "../../../lambda/shared/fleet-size";
import { sweepHandler } from "../../../lambda/sweep/handler";
import { dynamoDbLeaseScan } from "../../../lambda/sweep/scan";
import { dynamoDbScanCheckpoints } from "../../../lambda/sweep/scan-checkpoints";
import {
  createSelfPreservation,
  type MassExpiryEvent,
} from "../../../lambda/sweep/self-preservation";
import type { SelfPreservationTerms } from "../../../lambda/sweep/self-preservation-rule";
import { SelfPreservationStore } from "../../../lambda/sweep/self-preservation-store";
import { TrendStore } from "../../../lambda/sweep/trend-store";
import { type Engine, startEngine } from "../../../testing/engine";
import { entryFault } from "../../../testing/event-schemas";
import { holder, LogRecorder, MetricsRecorder, storedRow } from "../../../testing/presence";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const START = 1_000_000_000;
const TERMS: SelfPreservationTerms = { share: 0.5, minimum: 20, holdMs: 5 * MINUTE };
const AGENTS = 30;

/** The gateway's information about a connection. */
type Activity = (agent: string) => number | "gone";

describe("self-preservation of the sweep", () => {
  let engine: Engine;
  let leases: LeaseStore;
  let metrics: MetricsRecorder;
  let published: MassExpiryEvent[];
  let closed: string[];
  let busFails: boolean;
  let active: Activity;
  let now: number;
  beforeEach(async () => {
    engine = await startEngine();
    const { client, statusTableName: tableName } = engine;
    leases = new LeaseStore({ client, tableName, retentionMs: 86_400_000 });
    metrics = new MetricsRecorder();
    published = [];
    closed = [];
    busFails = false;
    active = () => 0;
    now = START;
  });
  afterEach(async () => {
    await engine.stop();
    // Whatever a test publishes keeps to the contract.
    const entries = published.map((event) => ({
      Source: EVENT_SOURCE,
      DetailType:
        EVENT_DETAIL_TYPES[event.event === "ended" ? "massExpiryEnded" : "massExpirySuspected"],
      Detail: JSON.stringify(event),
    }));
    expect(entries.map(entryFault).filter(Boolean)).toEqual([]);
  });

  const agents = Array.from({ length: AGENTS }, (_, index) => `agent-${index}`);
  const holderOf = (agentId: string) => holder({ agentId, connectionId: agentId });
  const sendHeartbeat = (names: string[], activity?: HeartbeatMessage["activity"]) =>
    Promise.all(
      names.map(async (name) => {
        const result = await leases.renew(holderOf(name), now, activity);
        if (result.outcome !== "renewed") await leases.acquire(holderOf(name), now);
      }),
    );
  const statuses = async () =>
    Promise.all(
      agents.map(
        async (agentId) =>
          (await storedRow(engine.client, engine.statusTableName, holder({ agentId })))?.status,
      ),
    );
  const offline = async () => (await statuses()).filter((status) => status === "offline").length;

  function sweep(terms: SelfPreservationTerms | null = TERMS) {
    const { client, statusTableName, registryTableName } = engine;
    const log = new LogRecorder();
    const connections = {
      close: async (connectionId: string) => {
        closed.push(connectionId);
        return "done" as const;
      },
      lastActiveAt: async (connectionId: string) => active(connectionId),
    };
    const selfPreservation =
      terms &&
      createSelfPreservation({
        terms,
        store: new SelfPreservationStore(client, registryTableName),
        connections,
        publish: async (event) => {
          if (busFails) throw new Error("the bus is away");
          published.push(event);
        },
        log,
      });
    return sweepHandler({
      leases,
      scan: dynamoDbLeaseScan(client, statusTableName, 4),
      checkpoints: dynamoDbScanCheckpoints(client, registryTableName, 4),
      fleet: new FleetCountStore(client, registryTableName),
      trends: new TrendStore({ client, registryTableName }),
      selfPreservation: selfPreservation ?? undefined,
      connections,
      log,
      metrics: metrics.sink,
      clock: () => now,
      scanReserveMs: 1000,
      reserveMs: 100,
    })({}, { getRemainingTimeInMillis: () => 300_000 });
  }
  const reader = () => {
    const { client, statusTableName: tableName, registryTableName } = engine;
    return new StatusReader({
      client,
      tableName,
      registryTableName,
      now: () => now,
      correctClock: false,
    });
  };
  const outcomes = () =>
    published.map((event) => (event.event === "ended" ? event.outcome : event.event));

  it("expires no agent during five minutes in which no heartbeat is stored", async () => {
    const half = [agents.slice(0, 15), agents.slice(15)] as const;
    await sendHeartbeat(half[0]);
    now += 15 * SECOND;
    await sendHeartbeat(half[1]);
    // The agents continue, and the gateway receives their messages.
    active = () => now;
    const end = START + 5 * MINUTE;
    for (now = START + 75 * SECOND; now < end; now += 30 * SECOND) await sweep();
    expect((await reader().countByStatus("acme")).online).toBe(0);
    expect(await reader().massExpiry("acme")).toEqual({
      suspectedAt: START + 105 * SECOND,
      heldUntil: START + 405 * SECOND,
    });
    now = end;
    await sendHeartbeat(half[0]);
    await sweep();
    now = end + 15 * SECOND;
    await sendHeartbeat(half[1]);
    await sweep();
    expect(await offline()).toBe(0);
    expect(closed).toEqual([]);
    expect(outcomes()).toEqual(["suspected", "recovered"]);
    expect(published[0]).toMatchObject({
      silent: AGENTS,
      online: AGENTS,
      sample: { probed: 15, active: 15, silent: 0, gone: 0 },
    });
    expect(await reader().massExpiry("acme")).toBeNull();
    expect(metrics.counts).not.toHaveProperty("LeasesExpired");
    expect(metrics.counts.ExpirationsHeld).toBeGreaterThan(AGENTS);
  });

  it("confirms a real loss of more than half of the fleet after the hold time, and expires these agents", async () => {
    await sendHeartbeat(agents);
    const [dead, living] = [agents.slice(0, 20), agents.slice(20)];
    for (let minute = 1; minute <= 7; minute++) {
      now = START + minute * MINUTE;
      await sendHeartbeat(living);
      const { expired } = await sweep();
      // One sweep a minute: the second one suspects, and the seventh one publishes.
      expect([minute, expired]).toEqual([minute, minute === 7 ? dead.length : 0]);
    }
    expect(await offline()).toBe(dead.length);
    expect(closed.sort()).toEqual([...dead].sort());
    expect(outcomes()).toEqual(["suspected", "confirmed"]);
    expect(published[1]).toMatchObject({
      suspectedAt: START + 2 * MINUTE,
      endedAt: now,
      silent: 20,
    });
    expect(await reader().massExpiry("acme")).toBeNull();
    // The next sweep ends the state, so a later loss is suspected again.
    now += 20 * SECOND;
    await sendHeartbeat(agents);
    await sweep();
    now += 2 * MINUTE;
    expect(await sweep()).toMatchObject({ expired: 0, held: AGENTS });
    expect(outcomes()).toEqual(["suspected", "confirmed", "suspected"]);
  });

  it("expires a smaller loss at once", async () => {
    await sendHeartbeat(agents);
    now += 2 * MINUTE;
    await sendHeartbeat(agents.slice(15));
    expect(await sweep()).toMatchObject({ expired: 15, held: 0 });
    expect(published).toEqual([]);
  });

  it("expires a few agents at once, even if they are the whole fleet", async () => {
    await sendHeartbeat(agents.slice(0, 19));
    now += 2 * MINUTE;
    expect(await sweep()).toMatchObject({ expired: 19 });
  });

  it("does not expire an agent whose connection is active, until the hold time is over", async () => {
    await sendHeartbeat(agents);
    active = (agent) => (agent === "agent-0" ? START + MINUTE : START);
    now += 2 * MINUTE;
    await sendHeartbeat(agents.slice(2));
    expect(await sweep()).toMatchObject({ expired: 1, held: 1 });
    now = START + 90 * SECOND + TERMS.holdMs;
    await sendHeartbeat(agents.slice(2));
    expect(await sweep()).toMatchObject({ expired: 1, held: 0 });
  });

  it("suspects once in overlapping sweeps, none of which expires an agent", async () => {
    await sendHeartbeat(agents);
    now += 2 * MINUTE;
    const reports = await Promise.all([sweep(), sweep(), sweep()]);
    expect(reports.map(({ expired }) => expired)).toEqual([0, 0, 0]);
    // Published at least once, by whichever sweep: each has the same beginning.
    expect(new Set(published.map((event) => event.suspectedAt))).toEqual(new Set([now]));
    expect(new Set(outcomes())).toEqual(new Set(["suspected"]));
    now += TERMS.holdMs;
    const last = await Promise.all([sweep(), sweep()]);
    expect(last.reduce((sum, { expired }) => sum + expired, 0)).toBe(AGENTS);
    expect(new Set(outcomes())).toEqual(new Set(["suspected", "confirmed"]));
  });

  it("suspects again if the bus refused the event, and expires no agent meanwhile", async () => {
    await sendHeartbeat(agents);
    now += 2 * MINUTE;
    busFails = true;
    expect(await sweep()).toMatchObject({ expired: 0, failures: 1 });
    expect(await offline()).toBe(0);
    busFails = false;
    now += MINUTE;
    await sweep();
    expect(published).toMatchObject([{ event: "suspected", suspectedAt: START + 2 * MINUTE }]);
    now += MINUTE;
    await sweep();
    expect(outcomes()).toEqual(["suspected"]);
  });

  it("publishes the event of a suspicion whose sweep ended before it could", async () => {
    await sendHeartbeat(agents);
    now += 2 * MINUTE;
    const store = new SelfPreservationStore(engine.client, engine.registryTableName);
    const sample = { probed: 0, active: 0, silent: 0, gone: 0 };
    const heldUntil = now + TERMS.holdMs;
    await store.begin("acme", { suspectedAt: now, heldUntil, silent: 30, online: 30, sample });
    now += MINUTE;
    await sweep();
    expect(published).toMatchObject([{ event: "suspected", organizationId: "acme", silent: 30 }]);
  });

  describe("of several organizations", () => {
    const inOrganization = (organizationId: string, agentId: string) =>
      holder({ organizationId, agentId, connectionId: `${organizationId}-${agentId}` });
    const connect = (organizationId: string, count: number) =>
      Promise.all(
        agents
          .slice(0, count)
          .map((agentId) => leases.acquire(inOrganization(organizationId, agentId), now)),
      );

    it("withholds nothing of one for the silence of another, however large that is", async () => {
      await sendHeartbeat(agents);
      await connect("small", 3);
      now += 2 * MINUTE;
      expect(await sweep()).toMatchObject({ expired: 3, held: AGENTS });
      expect(published).toMatchObject([{ event: "suspected", organizationId: "acme" }]);
      expect(await reader().massExpiry("acme")).not.toBeNull();
      expect(await reader().massExpiry("small")).toBeNull();
    });

    it("withholds all if several are silent, though each has too few agents by itself", async () => {
      for (let index = 0; index < 5; index++) await connect(`small-${index}`, 10);
      now += 2 * MINUTE;
      expect(await sweep()).toMatchObject({ expired: 0, held: 50 });
      expect(published).toMatchObject([{ event: "suspected", organizationId: null, silent: 40 }]);
      expect(await reader().massExpiry("small-3")).not.toBeNull();
      now += TERMS.holdMs;
      expect(await sweep()).toMatchObject({ expired: 50, held: 0 });
    });
  });

  it("marks no agent as stalled while it withholds expirations", async () => {
    const work = { state: "working", maxSilenceMs: 80_000, startedAt: START } as const;
    await sendHeartbeat(agents);
    now += 40 * SECOND;
    await sendHeartbeat(agents.slice(25), work);
    now = START + 100 * SECOND;
    expect(await sweep()).toMatchObject({ expired: 0, stalled: 0, held: 30 });
  });

  it("does nothing if it is off", async () => {
    await sendHeartbeat(agents);
    now += 2 * MINUTE;
    expect(await sweep(null)).toMatchObject({ expired: AGENTS, held: 0 });
    expect(published).toEqual([]);
  });
});

import {
  type AgentPage,
  type AgentPresence,
  InvalidArgumentError,
  InvalidCursorError,
  StatusReader,
  type StatusReaderOptions,
} from "@agent-heartbeat/sdk/status";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { LIMITS } from "../../../core/limits";
import { clientOf, type Engine, startEngine } from "../../../testing/engine";
import { putAgent } from "../../../testing/login";
import { offlineRow, onlineRow, putRows } from "../../../testing/status-rows";

/** Long after the engine's own time: rows and readers of these tests live in a time of their own. */
const NOW = 4_000_000_000_000;

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());

const reader = (options: Partial<StatusReaderOptions> = {}) =>
  new StatusReader({
    client: engine.client,
    tableName: engine.statusTableName,
    now: () => NOW,
    correctClock: false,
    ...options,
  });

const put = (...rows: ReturnType<typeof onlineRow>[]) =>
  putRows(engine.client, engine.statusTableName, rows);

const number = (index: number) => `agent-${String(index).padStart(4, "0")}`;

const idsOf = (agents: AgentPresence[]) => agents.map((agent) => agent.agentId);

describe("a list of agents", () => {
  it("shows every agent once, in the order of their ids, over any number of pages", async () => {
    const ids = Array.from({ length: 130 }, (_, index) => number(index));
    await put(...ids.map((agentId) => onlineRow(NOW, { organizationId: "paged", agentId })));
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await reader().listAgents({ organizationId: "paged", cursor, limit: 40 });
      expect(page.agents.length).toBeLessThanOrEqual(40);
      seen.push(...idsOf(page.agents));
      cursor = page.cursor;
    } while (cursor);
    expect(seen).toEqual(ids);
  });

  it("fills a page with agents that match, however many others lie between them", async () => {
    const rows = Array.from({ length: 90 }, (_, index) => {
      const key = { organizationId: "sparse", agentId: number(index) };
      return index % 30 === 29 ? onlineRow(NOW, key) : offlineRow(NOW, key);
    });
    await put(...rows);
    const first = await reader().listAgents({
      organizationId: "sparse",
      status: "online",
      limit: 2,
    });
    expect(idsOf(first.agents)).toEqual([number(29), number(59)]);
    const second = await reader().listAgents({
      organizationId: "sparse",
      status: "online",
      limit: 2,
      cursor: first.cursor,
    });
    expect(idsOf(second.agents)).toEqual([number(89)]);
    expect(second.cursor).toBeNull();
  });

  it("reads a bounded number of rows for a page, and continues if few of very many match", async () => {
    const rows = Array.from({ length: 900 }, (_, index) => {
      const key = { organizationId: "scarce", agentId: number(index) };
      return index % 450 === 449 ? offlineRow(NOW, key) : onlineRow(NOW, key);
    });
    await put(...rows);
    const client = clientOf(engine.endpoint);
    let read = 0;
    client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        read += (result.output as { ScannedCount?: number }).ScannedCount ?? 0;
        return result;
      },
      { step: "initialize" },
    );
    const found: string[][] = [];
    let cursor: string | null = null;
    do {
      read = 0;
      const page: AgentPage = await reader({ client }).listAgents({
        organizationId: "scarce",
        status: "offline",
        cursor,
      });
      expect(read).toBeLessThanOrEqual(4 * LIMITS.listPageSize);
      found.push(idsOf(page.agents));
      cursor = page.cursor;
    } while (cursor);
    expect(found).toEqual([[], [number(449)], [number(899)]]);
    client.destroy();
  });

  it("ends a page before it has more bytes than asked for, and reads profiles for its agents alone", async () => {
    const ids = Array.from({ length: 60 }, (_, index) => number(index));
    await put(...ids.map((agentId) => onlineRow(NOW, { organizationId: "wide", agentId })));
    for (const agentId of ids) {
      const metadata = JSON.stringify({ text: "\u0001".repeat(600) });
      const profile = { capabilities: [], metadata };
      const overrides = { organizationId: "wide", agentId, profile };
      await putAgent(engine.client, engine.registryTableName, [], overrides);
    }
    const maxBytes = 40_000;
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: AgentPage = await reader({
        registryTableName: engine.registryTableName,
      }).listAgents({ organizationId: "wide", cursor, profiles: true, maxBytes });
      expect(Buffer.byteLength(JSON.stringify(page.agents))).toBeLessThanOrEqual(maxBytes + 1);
      expect(page.agents.every(({ profile }) => profile !== null)).toBe(true);
      seen.push(...idsOf(page.agents));
      cursor = page.cursor;
    } while (cursor);
    expect(seen).toEqual(ids);
  });

  it("derives the status: an agent whose lease has run out is offline, whatever is stored", async () => {
    await put(
      onlineRow(NOW, { organizationId: "derived", agentId: "fresh" }),
      onlineRow(NOW, { organizationId: "derived", agentId: "silent", leaseExpiresAt: NOW }),
    );
    const { agents } = await reader().listAgents({ organizationId: "derived", status: "offline" });
    expect(agents).toEqual([
      expect.objectContaining({ agentId: "silent", reason: "lease_expired", since: NOW }),
    ]);
  });

  it("hides rows whose retention has passed, though the TTL has not deleted them yet", async () => {
    await put(
      onlineRow(NOW, { organizationId: "purged", agentId: "kept" }),
      offlineRow(NOW, { organizationId: "purged", agentId: "old", ttlEpochSeconds: NOW / 1000 }),
    );
    const { agents } = await reader().listAgents({ organizationId: "purged" });
    expect(idsOf(agents)).toEqual(["kept"]);
    expect(await reader().getAgent("purged", "old")).toBeUndefined();
    expect(await reader().countByStatus("purged")).toEqual({ online: 1, offline: 0 });
  });

  it("keeps organizations apart", async () => {
    await put(onlineRow(NOW, { organizationId: "mine" }), onlineRow(NOW, { organizationId: "mi" }));
    const { agents } = await reader().listAgents({ organizationId: "mine" });
    expect(agents).toHaveLength(1);
    expect(await reader().getAgent("m", "a1")).toBeUndefined();
  });

  it("has no agents and no cursor for an organization without any", async () => {
    const page = await reader().listAgents({ organizationId: "nobody" });
    expect(page).toEqual({ agents: [], cursor: null });
  });

  it("shows all that is known of an agent, and nothing of how it is stored", async () => {
    const activity = { state: "working", task: "tasks.process" } as const;
    await put(onlineRow(NOW, { organizationId: "whole", activity }));
    expect(await reader().getAgent("whole", "a1")).toEqual({
      agentId: "a1",
      status: "online",
      reason: null,
      stalledSince: null,
      since: NOW - 60_000,
      connectedAt: NOW - 60_000,
      connectionId: "A=",
      instanceId: "process-a",
      lastHeartbeatAt: NOW,
      leaseExpiresAt: NOW + 90_000,
      leaseMs: 90_000,
      heartbeatIntervalMs: 30_000,
      activity,
    });
  });

  it("refuses invalid limits and ids", async () => {
    for (const limit of [0, -1, 1.5, 1001, Number.NaN]) {
      await expect(reader().listAgents({ organizationId: "acme", limit })).rejects.toThrow(
        InvalidArgumentError,
      );
    }
    await expect(reader().listAgents({ organizationId: "#sweep" })).rejects.toThrow(
      /^organizationId: expected 1 to 128 letters, .*, got "#sweep"$/,
    );
    await expect(reader().getAgent("acme", "")).rejects.toThrow(InvalidArgumentError);
  });
});

describe("iterating and counting", () => {
  it("covers more rows than one read returns", async () => {
    // A read returns at most a megabyte: these rows are heavier than one.
    const task = "x".repeat(900);
    const rows = Array.from({ length: 1500 }, (_, index) => {
      const key = { organizationId: "heavy", agentId: number(index) };
      const activity = { state: "idle", task } as const;
      return index % 3
        ? onlineRow(NOW, { ...key, activity })
        : offlineRow(NOW, { ...key, activity });
    });
    await put(...rows);
    const seen: string[] = [];
    for await (const agent of reader().allAgents({ organizationId: "heavy" })) {
      seen.push(agent.agentId);
    }
    expect(seen).toEqual(rows.map((row) => row.agentId));
    expect(await reader().countByStatus("heavy")).toEqual({ online: 1000, offline: 500 });
    const { agents } = await reader().listAgents({
      organizationId: "heavy",
      status: "online",
      limit: 1000,
    });
    expect(agents).toHaveLength(1000);
  });

  it("yields only agents with the requested status", async () => {
    await put(
      onlineRow(NOW, { organizationId: "some", agentId: "on" }),
      offlineRow(NOW, { organizationId: "some", agentId: "off" }),
    );
    const seen: string[] = [];
    for await (const agent of reader().allAgents({ organizationId: "some", status: "offline" })) {
      seen.push(agent.agentId);
    }
    expect(seen).toEqual(["off"]);
  });
});

describe("a cursor", () => {
  const cursorFrom = async (organizationId: string) => {
    await put(
      onlineRow(NOW, { organizationId, agentId: "a1" }),
      onlineRow(NOW, { organizationId, agentId: "a2" }),
    );
    const { cursor } = await reader().listAgents({ organizationId, limit: 1 });
    if (!cursor) throw new Error("expected a cursor");
    return cursor;
  };

  it("is refused by another organization", async () => {
    const cursor = await cursorFrom("first-tenant");
    const crossing = reader().listAgents({ organizationId: "second-tenant", cursor });
    await expect(crossing).rejects.toThrow(InvalidCursorError);
  });

  it("is refused when it was tampered with", async () => {
    const cursor = await cursorFrom("tampered");
    const plain = Buffer.from(cursor, "base64url").toString();
    const forged = [
      "x",
      "{}",
      `${cursor}=`,
      `${cursor}A`,
      cursor.slice(1),
      Buffer.from(`${plain}\nmore`).toString("base64url"),
      Buffer.from(plain.replace("a1", "#sweep")).toString("base64url"),
      Buffer.from(plain.replace("1\n", "2\n")).toString("base64url"),
    ];
    for (const cursor of forged) {
      await expect(reader().listAgents({ organizationId: "tampered", cursor })).rejects.toThrow(
        InvalidCursorError,
      );
    }
  });

  it("continues where it was made, although that agent is gone", async () => {
    const cursor = await cursorFrom("gone");
    await put(offlineRow(NOW, { organizationId: "gone", agentId: "a1", ttlEpochSeconds: 1 }));
    const { agents } = await reader().listAgents({ organizationId: "gone", cursor });
    expect(idsOf(agents)).toEqual(["a2"]);
  });
});

describe("the reader's clock", () => {
  const MINUTE = 60_000;

  const statusBy = async (clockErrorMs: number, leaseMs: number, correctClock = true) => {
    const now = Date.now();
    const organizationId = "clocks";
    await put(onlineRow(now, { organizationId, leaseExpiresAt: now + leaseMs }));
    const skewed = reader({ now: () => Date.now() + clockErrorMs, correctClock });
    return (await skewed.getAgent(organizationId, "a1"))?.status;
  };

  it("is corrected by DynamoDB's where it runs ahead", async () => {
    expect(await statusBy(5 * MINUTE, MINUTE, false)).toBe("offline");
    expect(await statusBy(5 * MINUTE, MINUTE)).toBe("online");
  });

  it("is corrected by DynamoDB's where it runs behind", async () => {
    expect(await statusBy(-5 * MINUTE, -MINUTE, false)).toBe("online");
    expect(await statusBy(-5 * MINUTE, -MINUTE)).toBe("offline");
  });

  it("is corrected in lists and counts too, and the offset is available", async () => {
    await put(onlineRow(Date.now(), { organizationId: "clock-lists" }));
    const skewed = reader({ now: () => Date.now() + 5 * MINUTE, correctClock: true });
    expect(await skewed.countByStatus("clock-lists")).toEqual({ online: 1, offline: 0 });
    const { agents } = await skewed.listAgents({ organizationId: "clock-lists", status: "online" });
    expect(agents).toHaveLength(1);
    expect(skewed.clockOffsetMs).toBeGreaterThan(-5 * MINUTE - 2000);
    expect(skewed.clockOffsetMs).toBeLessThan(-5 * MINUTE + 2000);
  });

  it("is left alone where it is right", async () => {
    const right = reader({ now: Date.now, correctClock: true });
    await right.getAgent("clocks", "a1");
    expect(right.clockOffsetMs).toBe(0);
  });
});

describe("a reader's client", () => {
  it("is created from region and endpoint if none is given", async () => {
    const { endpoint, region } = engine;
    process.env.AWS_ACCESS_KEY_ID = "local";
    process.env.AWS_SECRET_ACCESS_KEY = "local";
    const own = new StatusReader({ tableName: engine.statusTableName, endpoint, region });
    expect(await own.countByStatus("nobody")).toEqual({ online: 0, offline: 0 });
    own.close();
  });

  it("is not changed if it is passed in", async () => {
    const client = clientOf(engine.endpoint);
    const before = client.middlewareStack.identify();
    const given = reader({ client });
    await given.getAgent("acme", "a1");
    given.close();
    expect(client.middlewareStack.identify()).toEqual(before);
    await expect(given.getAgent("nobody", "a1")).resolves.toBeUndefined();
    client.destroy();
  });
});

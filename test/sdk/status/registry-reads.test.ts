import { AgentRegistry } from "@agent-heartbeat/sdk/registry";
import {
  type AgentPresence,
  derivePresence,
  InvalidArgumentError,
  StatusReader,
} from "@agent-heartbeat/sdk/status";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { withDerivedEnds } from "../../../core/history-record";
import type { Transition } from "../../../core/presence";
import { HistoryStore } from "../../../lambda/history/store";
import { ProfileStore } from "../../../lambda/profile/store";
import { type Engine, startEngine } from "../../../testing/engine";
import { keep } from "../../../testing/history";
import { newEd25519Key } from "../../../testing/keys";
import { offlineRow, onlineRow, putRows } from "../../../testing/status-rows";

let engine: Engine;
let statuses: StatusReader;
beforeAll(async () => {
  engine = await startEngine();
  statuses = new StatusReader({
    client: engine.client,
    tableName: engine.statusTableName,
    registryTableName: engine.registryTableName,
  });
});
afterAll(() => engine.stop());

describe("agents by capability", () => {
  const publicKey = newEd25519Key();

  async function agent(organizationId: string, agentId: string, capabilities: string[]) {
    const { client, registryTableName, statusTableName } = engine;
    const registry = new AgentRegistry({ client, registryTableName, statusTableName });
    const { createdAt } = await registry.register({ organizationId, agentId, publicKey });
    const metadata = { version: "1.4.2" };
    const profiles = new ProfileStore(client, registryTableName);
    const login = { organizationId, agentId, fencingToken: createdAt };
    await profiles.put(login, { capabilities, metadata });
  }

  const put = (...rows: ReturnType<typeof onlineRow>[]) =>
    putRows(engine.client, engine.statusTableName, rows);

  const find = async (organizationId: string, status?: "online") => {
    const options = { organizationId, capability: "summarize", ...(status && { status }) };
    const found: AgentPresence[] = [];
    for await (const one of statuses.agentsWithCapability(options)) found.push(one);
    return found;
  };

  it("are those that name it exactly, with presence and profile, in the order of their ids", async () => {
    const now = Date.now();
    const organizationId = "skills";
    await agent(organizationId, "b", ["summarize"]);
    await agent(organizationId, "a", ["translate", "summarize"]);
    await agent(organizationId, "c", ["summarize-fast"]);
    await agent("others", "d", ["summarize"]);
    await put(
      onlineRow(now, { organizationId, agentId: "a" }),
      offlineRow(now, { organizationId, agentId: "b" }),
      onlineRow(now, { organizationId, agentId: "c" }),
      onlineRow(now, { organizationId: "others", agentId: "d" }),
    );
    const profile = { capabilities: ["summarize"], metadata: { version: "1.4.2" } };
    expect(await find(organizationId)).toEqual([
      expect.objectContaining({ agentId: "a", status: "online" }),
      expect.objectContaining({ agentId: "b", status: "offline", profile }),
    ]);
    expect(await find(organizationId, "online")).toHaveLength(1);
  });

  it("do not include those without a status, which never connected or have been gone for long", async () => {
    await agent("absent", "a", ["summarize"]);
    expect(await find("absent")).toEqual([]);
  });

  it("are found among more than are looked up at once", async () => {
    const now = Date.now();
    const ids = Array.from({ length: 60 }, (_, index) => `a${String(index).padStart(2, "0")}`);
    await Promise.all(ids.map((agentId) => agent("many", agentId, ["summarize"])));
    await put(...ids.map((agentId) => onlineRow(now, { organizationId: "many", agentId })));
    expect((await find("many")).map((found) => found.agentId)).toEqual(ids);
  });
});

describe("an agent's history", () => {
  const add = (agentId: string, number: number, at = Date.now()) =>
    keep(new HistoryStore(engine.client, engine.registryTableName), {
      transitionId: `t${number}`,
      organizationId: "acme",
      agentId,
      event: "online",
      reason: "connected",
      at: at + number,
      connectionId: "A=",
      instanceId: "process-a",
    } as Transition);

  it("contains the stored transitions of this agent alone, newest first", async () => {
    for (const number of [1, 2, 3]) await add("a1", number);
    await add("a1-2", 4);
    const history = await statuses.history("acme", "a1");
    expect(history.map((one) => one.transitionId)).toEqual(["t3", "t2", "t1"]);
    expect(history[0]).toMatchObject({ event: "online", reason: "connected", connectionId: "A=" });
    expect(await statuses.history("other", "a1")).toEqual([]);
    const all = await statuses.transitions("acme");
    expect(all.map((one) => one.agentId)).toEqual(["a1-2", "a1", "a1", "a1"]);
  });

  it("has the end of a lease that nothing has stored yet, for one agent and for all", async () => {
    const now = Date.now();
    const gone = { organizationId: "ends", agentId: "gone" };
    await putRows(engine.client, engine.statusTableName, [
      onlineRow(now - 600_000, gone),
      onlineRow(now, { ...gone, agentId: "here" }),
      offlineRow(now, { ...gone, agentId: "closed" }),
    ]);
    const end = { event: "offline", reason: "lease_expired", at: now - 600_000 + 90_000 };
    expect(await statuses.history("ends", "gone")).toMatchObject([end]);
    expect(await statuses.history("ends", "here")).toEqual([]);
    expect(await statuses.history("ends", "closed")).toEqual([]);
    expect(await statuses.transitions("ends")).toMatchObject([{ ...end, agentId: "gone" }]);
  });

  it("has the end after a transition that is older, and none where a later one is stored", () => {
    const now = Date.now();
    const agent = derivePresence(onlineRow(now - 600_000), now);
    const stored = (event: "online" | "offline", at: number) =>
      ({ agentId: "a1", transitionId: `${at}`, event, reason: "connected", at }) as never;
    const ends = (event: "online" | "offline", at: number) =>
      withDerivedEnds([stored(event, at)], [agent], now).length - 1;
    expect(ends("online", now - 660_000)).toBe(1);
    expect(ends("offline", now - 660_000)).toBe(1);
    expect(ends("offline", now - 510_000)).toBe(0);
    expect(ends("offline", now)).toBe(0);
    expect(withDerivedEnds([], [agent], now + 31 * 86_400_000)).toEqual([]);
  });

  it("has nothing older than 30 days, though DynamoDB has not deleted it yet", async () => {
    await add("old", 1, Date.now() - 31 * 86_400_000);
    expect(await statuses.history("acme", "old")).toEqual([]);
  });
});

describe("a reader without a registry table", () => {
  it("reports it if a call needs the table", async () => {
    const { client, statusTableName } = engine;
    const reader = new StatusReader({ client, tableName: statusTableName });
    await expect(reader.history("acme", "a1")).rejects.toThrow(InvalidArgumentError);
    const options = { organizationId: "acme", capability: "x" };
    await expect(reader.agentsWithCapability(options).next()).rejects.toThrow("registryTableName");
  });
});

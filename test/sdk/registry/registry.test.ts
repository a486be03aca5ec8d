import { generateKeyPairSync } from "node:crypto";
import {
  AgentExistsError,
  AgentRegistry,
  type AgentRegistryOptions,
  IncompleteChangeError,
  InvalidArgumentError,
  InvalidCursorError,
  KeyExistsError,
  LastKeyError,
  publicKeyFrom,
  RegistryError,
  type Role,
  TooManyKeysError,
  UnknownAgentError,
  UnknownKeyError,
} from "@agent-heartbeat/sdk/registry";
import { rowFromItem, StatusReader, type StatusRow } from "@agent-heartbeat/sdk/status";
import {
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { RegisteredKey } from "../../../core/registry-record";
import { keyTagOf } from "../../../core/row-connections";
import { type Engine, startEngine } from "../../../testing/engine";
import { holdingBack } from "../../../testing/held-client";
import { offlineRow, onlineRow, putRows } from "../../../testing/status-rows";

let engine: Engine;
let registry: AgentRegistry;
beforeAll(async () => {
  engine = await startEngine();
  registry = registryOf();
});
afterAll(() => engine.stop());

const registryOf = (overrides: Partial<AgentRegistryOptions> = {}) =>
  new AgentRegistry({
    client: engine.client,
    registryTableName: engine.registryTableName,
    statusTableName: engine.statusTableName,
    ...overrides,
  });

/** PEM text of a new public key. */
const newKey = () =>
  generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }).toString();

const keyIdOf = async (pem: string) => (await publicKeyFrom(pem)).keyId;

async function registered(organizationId: string, agentId = "a1", publicKey = newKey()) {
  await registry.register({ organizationId, agentId, publicKey });
  return { organizationId, agentId };
}

async function statusRow(organizationId: string, agentId = "a1"): Promise<StatusRow | undefined> {
  const { Item } = await engine.client.send(
    new GetItemCommand({
      TableName: engine.statusTableName,
      Key: { organizationId: { S: organizationId }, agentId: { S: agentId } },
    }),
  );
  return Item && rowFromItem(Item);
}

const putRow = (row: StatusRow) => putRows(engine.client, engine.statusTableName, [row]);

describe("registering", () => {
  it("keeps the agent, enabled, with its key and role", async () => {
    const publicKey = newKey();
    const before = Date.now();
    const agent = await registry.register({
      organizationId: "reg",
      agentId: "viewer-1",
      publicKey,
      role: "viewer",
      description: "the wall display",
    });
    expect(agent).toEqual(await registry.get({ organizationId: "reg", agentId: "viewer-1" }));
    expect(agent).toMatchObject({
      role: "viewer",
      enabled: true,
      description: "the wall display",
      publicKeys: [{ keyId: await keyIdOf(publicKey), algorithm: "EdDSA" }],
    });
    expect(agent.createdAt).toBeGreaterThanOrEqual(before);
  });

  it("never overwrites an agent", async () => {
    const name = await registered("twice");
    const first = await registry.get(name);
    await expect(registered("twice")).rejects.toThrow(AgentExistsError);
    expect(await registry.get(name)).toEqual(first);
  });

  it("lets one of two at the same moment win", async () => {
    const results = await Promise.allSettled([registered("race"), registered("race")]);
    expect(results.map((result) => result.status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  it("allows the same id in another organization", async () => {
    await registered("tenant-a");
    await registered("tenant-b");
    const { agents } = await registry.list({ organizationId: "tenant-a" });
    expect(agents).toHaveLength(1);
  });

  it("refuses ids, roles and descriptions that are not allowed", async () => {
    const good = { organizationId: "reg", agentId: "a", publicKey: newKey() };
    for (const bad of [
      { agentId: "" },
      { agentId: "a#b" },
      { agentId: "x".repeat(129) },
      { agentId: "service" },
      { agentId: "event:aws.s3" },
      { organizationId: "#sweep" },
      { role: "admin" as Role },
      { description: "x".repeat(257) },
    ]) {
      await expect(registry.register({ ...good, ...bad })).rejects.toThrow(InvalidArgumentError);
    }
    expect(await registry.get({ organizationId: "reg", agentId: "a" })).toBeUndefined();
  });
});

describe("a registration for a time", () => {
  const expiresAt = Date.now() + 3_600_000;
  const name = (organizationId: string) => ({ organizationId, agentId: "v1" });
  const register = (organizationId: string) =>
    registry.register({ ...name(organizationId), publicKey: newKey(), role: "viewer", expiresAt });
  /** The clock of a registry is corrected by DynamoDB's: here it is the record that is moved into the past. */
  const end = (organizationId: string) =>
    engine.client.send(
      new UpdateItemCommand({
        TableName: engine.registryTableName,
        Key: { organizationId: { S: organizationId }, recordId: { S: "agent#v1" } },
        UpdateExpression: "SET expiresAt = :past",
        ExpressionAttributeValues: { ":past": { N: "1000" } },
      }),
    );

  it("is kept with the second in which DynamoDB may delete it", async () => {
    expect(await register("timed")).toEqual(await registry.get(name("timed")));
    const { Item } = await engine.client.send(
      new GetItemCommand({
        TableName: engine.registryTableName,
        Key: { organizationId: { S: "timed" }, recordId: { S: "agent#v1" } },
      }),
    );
    expect(Item?.ttlEpochSeconds).toEqual({ N: String(Math.ceil(expiresAt / 1000)) });
  });

  it("is gone when it has ended, though DynamoDB has not deleted it yet", async () => {
    await register("ended");
    await registered("ended", "z1");
    await end("ended");
    expect(await registry.get(name("ended"))).toBeUndefined();
    const first = await registry.list({ organizationId: "ended", limit: 1 });
    expect(first.agents).toEqual([]);
    const next = await registry.list({ organizationId: "ended", cursor: first.cursor });
    expect(next.agents).toEqual([expect.objectContaining({ agentId: "z1" })]);
    await expect(registry.enable(name("ended"))).rejects.toThrow(UnknownAgentError);
  });

  it("leaves its id free when it has ended", async () => {
    await register("again");
    await expect(register("again")).rejects.toThrow(AgentExistsError);
    await end("again");
    expect(await register("again")).toEqual(await registry.get(name("again")));
  });

  it("that has ended can be removed, with the presence of its connections and of no later registration's", async () => {
    const online = (fencingToken: number) =>
      putRow(
        onlineRow(Date.now(), { ...name("over"), connections: new Set(["A=.k"]), fencingToken }),
      );
    const { createdAt } = await register("over");
    await online(createdAt);
    await end("over");
    await registry.remove(name("over"));
    const row = await engine.client.send(
      new GetItemCommand({
        TableName: engine.statusTableName,
        Key: { organizationId: { S: "over" }, agentId: { S: "v1" } },
      }),
    );
    expect(row.Item).toHaveProperty("fencingToken");
    expect(row.Item).not.toHaveProperty("instanceId");
    const later = await register("over");
    expect(later.createdAt).toBeGreaterThanOrEqual(Number(row.Item?.fencingToken?.N));
  });

  it.each([0, Number.NaN, Date.now() - 1, 4e12 + 0.5])("can't end at %p", async (at) => {
    const registration = { ...name("never"), publicKey: newKey(), expiresAt: at };
    await expect(registry.register(registration)).rejects.toThrow(InvalidArgumentError);
  });
});

describe("listing", () => {
  it("shows agents by id over many pages, and nonces and positions never", async () => {
    const ids = ["a1", "a2", "a3", "b1", "b2"];
    for (const agentId of ids) await registered("listed", agentId);
    for (const recordId of ["nonce#a1#x", "segment#0/4", "zzz"]) {
      const Item = { organizationId: { S: "listed" }, recordId: { S: recordId } };
      await engine.client.send(new PutItemCommand({ TableName: engine.registryTableName, Item }));
    }
    const seen: string[] = [];
    for await (const agent of registry.all("listed")) seen.push(agent.agentId);
    expect(seen).toEqual(ids);

    const first = await registry.list({ organizationId: "listed", limit: 2 });
    const next = await registry.list({ organizationId: "listed", limit: 9, cursor: first.cursor });
    expect(first.agents.map((agent) => agent.agentId)).toEqual(["a1", "a2"]);
    expect(next.agents.map((agent) => agent.agentId)).toEqual(["a3", "b1", "b2"]);
    expect(next.cursor).toBeNull();
    const crossing = registry.list({ organizationId: "other", cursor: first.cursor });
    await expect(crossing).rejects.toThrow(InvalidCursorError);
  });
});

describe("disabling", () => {
  it("ends the presence of an agent that is online", async () => {
    const name = await registered("off");
    const now = Date.now();
    await putRow(onlineRow(now, { organizationId: "off" }));
    expect(await registry.disable(name)).toMatchObject({ enabled: false });
    const row = await statusRow("off");
    expect(row).toMatchObject({ status: "offline", reason: "revoked", connectionId: "A=" });
    expect(row?.disconnectedAt).toBeGreaterThanOrEqual(now);
    expect(row).not.toHaveProperty("onlineSince");
    expect(await registry.enable(name)).toMatchObject({ enabled: true });
    expect(await statusRow("off")).toEqual(row);
  });

  it("removes the connection of an agent whose lease has expired, and keeps the reason why it is offline", async () => {
    const name = await registered("silent");
    const { disconnectedAt: _, ...row } = offlineRow(Date.now(), { organizationId: "silent" });
    await putRow({ ...row, reason: "lease_expired", connections: new Set(["A=.key"]) });
    await registry.disable(name);
    expect(await statusRow("silent")).toMatchObject({ reason: "lease_expired" });
    expect(await statusRow("silent")).not.toHaveProperty("connections");
  });

  it("leaves the history of an agent that had gone before", async () => {
    const name = await registered("history");
    const row = offlineRow(Date.now() - 60_000, { organizationId: "history" });
    await putRow(row);
    await registry.disable(name);
    expect(await statusRow("history")).toMatchObject(row);
  });

  it("leaves a fencing token of an agent that never connected, which no reader shows", async () => {
    const name = await registered("rowless");
    const { revokedAt } = await registry.disable(name);
    const row = await statusRow("rowless");
    expect(row).toMatchObject({ fencingToken: revokedAt });
    expect(row).not.toHaveProperty("instanceId");
    const { client, statusTableName: tableName } = engine;
    const reader = new StatusReader({ client, tableName });
    expect(await reader.getAgent("rowless", "a1")).toBeUndefined();
    expect(await reader.countByStatus("rowless")).toEqual({ online: 0, offline: 0 });
    await registry.remove(name);
  });

  it("does not affect another organization's agent of the same id", async () => {
    const name = await registered("one");
    await registered("two");
    await putRow(onlineRow(Date.now(), { organizationId: "two" }));
    await registry.disable(name);
    expect(await statusRow("two")).toMatchObject({ status: "online" });
    expect(await registry.get({ organizationId: "two", agentId: "a1" })).toMatchObject({
      enabled: true,
    });
  });

  it("can be repeated if the status table failed", async () => {
    const name = await registered("broken");
    await putRow(onlineRow(Date.now(), { organizationId: "broken" }));
    const broken = registryOf({ statusTableName: "no-such-table" });
    await expect(broken.disable(name)).rejects.toThrow(IncompleteChangeError);
    expect(await registry.get(name)).toMatchObject({ enabled: false });
    await registry.disable(name);
    expect(await statusRow("broken")).toMatchObject({ reason: "revoked" });
  });

  it("uses the time of DynamoDB's clock if the local one is wrong", async () => {
    const name = await registered("skewed");
    await putRow(onlineRow(Date.now(), { organizationId: "skewed" }));
    await registryOf({ now: () => Date.now() + 600_000 }).disable(name);
    expect((await statusRow("skewed"))?.disconnectedAt).toBeLessThan(Date.now() + 2000);
  });
});

describe("removing", () => {
  it("removes the agent and hides its status at once", async () => {
    const name = await registered("gone");
    await putRow(onlineRow(Date.now(), { organizationId: "gone" }));
    await registry.remove(name);
    expect(await registry.get(name)).toBeUndefined();
    expect(await statusRow("gone")).not.toHaveProperty("instanceId");
    const { client, statusTableName: tableName } = engine;
    expect(await new StatusReader({ client, tableName }).getAgent("gone", "a1")).toBeUndefined();
    await expect(registry.remove(name)).rejects.toThrow(UnknownAgentError);
  });

  it("can be repeated if the status table failed", async () => {
    const name = await registered("half");
    await putRow(onlineRow(Date.now(), { organizationId: "half" }));
    const broken = registryOf({ statusTableName: "no-such-table" });
    await expect(broken.remove(name)).rejects.toThrow(IncompleteChangeError);
    expect((await statusRow("half"))?.status).toBe("online");
    await registry.remove(name);
    expect(await statusRow("half")).not.toHaveProperty("instanceId");
  });

  it.each([
    ["is online", "late-online", onlineRow],
    ["has gone again", "late-offline", offlineRow],
  ])(
    "leaves alone who has logged in by a later registration and %s, however late it is written",
    async (_, organizationId, rowAt) => {
      const name = await registered(organizationId);
      const held = holdingBack(engine.client, engine.statusTableName);
      const removal = registryOf({ client: held.client }).remove(name);
      await held.waiting;
      const { createdAt } = await registry.register({ ...name, publicKey: newKey() });
      const row = rowAt(Date.now(), { organizationId, fencingToken: createdAt });
      await putRow(row);
      held.release();
      await removal;
      expect(await statusRow(organizationId)).toEqual(row);
    },
  );

  it("allows the id to be registered again", async () => {
    await registry.remove(await registered("again"));
    await expect(registered("again")).resolves.toBeDefined();
  });
});

describe("rotating keys", () => {
  const keysOf = async (organizationId: string) =>
    (await registry.get({ organizationId, agentId: "a1" }))?.publicKeys.map((key) => key.keyId);

  it("keeps the old key beside the new one, and retires the older of two", async () => {
    const [k1, k2, k3] = [newKey(), newKey(), newKey()];
    const name = await registered("rotate", "a1", k1);
    await registry.rotateKey({ ...name, publicKey: k2 });
    expect(await keysOf("rotate")).toEqual([await keyIdOf(k1), await keyIdOf(k2)]);
    await registry.rotateKey({ ...name, publicKey: k3 });
    expect(await keysOf("rotate")).toEqual([await keyIdOf(k2), await keyIdOf(k3)]);
  });

  it("retires the named key", async () => {
    const [k1, k2, k3] = [newKey(), newKey(), newKey()];
    const name = await registered("named", "a1", k1);
    await registry.rotateKey({ ...name, publicKey: k2 });
    await registry.rotateKey({ ...name, publicKey: k3, retire: await keyIdOf(k2) });
    expect(await keysOf("named")).toEqual([await keyIdOf(k1), await keyIdOf(k3)]);
    const unknown = registry.rotateKey({ ...name, publicKey: k2, retire: "nope" });
    await expect(unknown).rejects.toThrow(UnknownKeyError);
  });

  it("loses no change when many rotate at once, and never holds more than two keys", async () => {
    const name = await registered("races");
    const keys = [newKey(), newKey(), newKey(), newKey()];
    const results = await Promise.all(
      keys.map((publicKey) => registryOf().rotateKey({ ...name, publicKey })),
    );
    for (const agent of results) expect(agent.publicKeys).toHaveLength(2);
    const ids = await Promise.all(keys.map(keyIdOf));
    const last = await keysOf("races");
    expect(ids).toEqual(expect.arrayContaining(last ?? []));
  });

  it("adds a second key, and refuses a third and one that it holds", async () => {
    const [k1, k2] = [newKey(), newKey()];
    const name = await registered("add", "a1", k1);
    await registry.addKey({ ...name, publicKey: k2 });
    await expect(registry.addKey({ ...name, publicKey: newKey() })).rejects.toThrow(
      TooManyKeysError,
    );
    await expect(registry.addKey({ ...name, publicKey: k1 })).rejects.toThrow(KeyExistsError);
    await expect(registry.rotateKey({ ...name, publicKey: k2 })).rejects.toThrow(KeyExistsError);
  });

  it("removes a key, but never the last", async () => {
    const [k1, k2] = [newKey(), newKey()];
    const name = await registered("take", "a1", k1);
    await registry.addKey({ ...name, publicKey: k2 });
    await registry.removeKey({ ...name, keyId: await keyIdOf(k1) });
    expect(await keysOf("take")).toEqual([await keyIdOf(k2)]);
    const last = registry.removeKey({ ...name, keyId: await keyIdOf(k2) });
    await expect(last).rejects.toThrow(LastKeyError);
  });

  it("can be repeated if the connections of the old key could not be ended", async () => {
    const [k1, k2] = [newKey(), newKey()];
    const name = await registered("repeat", "a1", k1);
    const [first] = (await registry.get(name))?.publicKeys ?? [];
    const online = async () => {
      const entry = `A=.${keyTagOf(first as RegisteredKey)}`;
      await putRow(
        onlineRow(Date.now(), { organizationId: "repeat", connections: new Set([entry]) }),
      );
    };
    await online();
    const broken = registryOf({ statusTableName: "no-such-table" });
    const rotation = { ...name, publicKey: k2, retire: await keyIdOf(k1), now: true };
    await expect(broken.rotateKey(rotation)).rejects.toThrow(IncompleteChangeError);
    expect(await statusRow("repeat")).toMatchObject({ status: "online" });
    // The answer to the first call may have been lost, so that nobody knows whether it ended them.
    for (let time = 0; time < 2; time++) {
      await online();
      expect((await registry.rotateKey(rotation)).publicKeys).toHaveLength(1);
      expect(await statusRow("repeat")).toMatchObject({ status: "offline", reason: "revoked" });
    }
    await online();
    await registry.removeKey({ ...name, keyId: await keyIdOf(k1), now: true });
    expect(await statusRow("repeat")).toMatchObject({ status: "offline", reason: "revoked" });
    // What was never taken away is no repetition.
    const other = { ...name, keyId: "other", now: true };
    await expect(registry.removeKey(other)).rejects.toThrow(UnknownKeyError);
    const again = { ...name, publicKey: k2, retire: "other", now: true };
    await expect(registry.rotateKey(again)).rejects.toThrow(KeyExistsError);
    await expect(registry.rotateKey({ ...name, publicKey: k2 })).rejects.toThrow(KeyExistsError);
  });

  it("stores the last two removed keys in the status row, in their order", async () => {
    const keys = Array.from({ length: 5 }, newKey);
    const name = await registered("last-two", "a1", keys[0]);
    const tags: string[] = [];
    for (const publicKey of keys.slice(1)) {
      const [key] = (await registry.get(name))?.publicKeys ?? [];
      tags.push(keyTagOf(key as RegisteredKey));
      await registry.rotateKey({ ...name, publicKey, retire: key?.keyId as string, now: true });
    }
    expect((await statusRow("last-two"))?.revokedKeys).toEqual(tags.slice(-2));
  });

  it("does not undo a disable that happens in between", async () => {
    const name = await registered("both");
    await Promise.all([
      registry.disable(name),
      registryOf().rotateKey({ ...name, publicKey: newKey() }),
    ]);
    const agent = await registry.get(name);
    expect(agent).toMatchObject({ enabled: false });
    expect(agent?.publicKeys).toHaveLength(2);
  });
});

describe("an agent that is not registered", () => {
  it("is reported by every change, and none of them makes a record", async () => {
    const name = { organizationId: "void", agentId: "ghost" };
    const publicKey = newKey();
    for (const change of [
      () => registry.enable(name),
      () => registry.disable(name),
      () => registry.addKey({ ...name, publicKey }),
      () => registry.rotateKey({ ...name, publicKey }),
      () => registry.removeKey({ ...name, keyId: "k" }),
      () => registry.remove(name),
    ]) {
      await expect(change()).rejects.toThrow(UnknownAgentError);
      await expect(change()).rejects.toThrow(RegistryError);
      await expect(change()).rejects.toThrow("agent ghost: expected it to be registered");
    }
    const { Items } = await engine.client.send(
      new ScanCommand({
        TableName: engine.registryTableName,
        FilterExpression: "organizationId = :o",
        ExpressionAttributeValues: { ":o": { S: "void" } },
      }),
    );
    expect(Items).toEqual([]);
  });
});

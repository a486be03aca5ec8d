/** Changes whose answer is lost, so that the AWS client repeats the write: each counts once, and as done. */

import {
  AgentRegistry,
  type AgentRegistryOptions,
  publicKeyFrom,
} from "@agent-heartbeat/sdk/registry";
import { type DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { SelfPreservationStore } from "../../../lambda/sweep/self-preservation-store";
import { type Engine, startEngine } from "../../../testing/engine";
import { newEd25519Key } from "../../../testing/keys";
import { repeating } from "../../../testing/repeating-client";
import { onlineRow, putRows } from "../../../testing/status-rows";

describe("a change whose answer is lost", () => {
  let engine: Engine;
  let client: DynamoDBClient;
  beforeAll(async () => {
    engine = await startEngine();
    client = repeating(engine.client);
  });
  afterAll(() => engine.stop());

  const options = (): AgentRegistryOptions => ({
    client: engine.client,
    registryTableName: engine.registryTableName,
    statusTableName: engine.statusTableName,
  });
  const newKey = async () => (await publicKeyFrom(newEd25519Key())).jwk as never;
  /** An agent that is registered and online, and the registry whose answers are lost. */
  async function online(agentId: string) {
    const name = { organizationId: "lost", agentId };
    await new AgentRegistry(options()).register({ ...name, publicKey: await newKey() });
    await putRows(engine.client, engine.statusTableName, [onlineRow(Date.now(), name)]);
    return { name, registry: new AgentRegistry({ ...options(), client }) };
  }
  const statusOf = async (agentId: string) => {
    const { Item } = await engine.client.send(
      new GetItemCommand({
        TableName: engine.statusTableName,
        Key: { organizationId: { S: "lost" }, agentId: { S: agentId } },
      }),
    );
    return Item?.status?.S;
  };

  it("registers the agent", async () => {
    const registry = new AgentRegistry({ ...options(), client });
    const name = { organizationId: "lost", agentId: "registered" };
    const made = await registry.register({ ...name, publicKey: [await newKey(), await newKey()] });
    expect(made).toEqual(await registry.get(name));
  });

  it("registers an agent again that was removed", async () => {
    const { name, registry } = await online("again");
    await registry.remove(name);
    const made = await registry.register({ ...name, publicKey: await newKey() });
    expect(made).toEqual(await registry.get(name));
  });

  it("does not mistake another caller's registration for its own", async () => {
    const { name, registry } = await online("others");
    const publicKey = await newKey();
    await expect(registry.register({ ...name, publicKey })).rejects.toThrow("not registered yet");
  });

  it("disables, ends the presence, and enables again", async () => {
    const { name, registry } = await online("disabled");
    expect(await registry.disable(name)).toMatchObject({ enabled: false });
    expect(await statusOf("disabled")).toBe("offline");
    expect(await registry.enable(name)).toMatchObject({ enabled: true });
  });

  it("removes the agent and its status", async () => {
    const { name, registry } = await online("removed");
    await registry.remove(name);
    expect(await registry.get(name)).toBeUndefined();
    expect(await statusOf("removed")).toBeUndefined();
  });

  it("adds, rotates and removes keys", async () => {
    const { name, registry } = await online("keys");
    const [second, third] = [await newKey(), await newKey()];
    const ids = async () => (await registry.get(name))?.publicKeys.map(({ keyId }) => keyId);
    const [first] = (await ids()) ?? [];
    await registry.addKey({ ...name, publicKey: second });
    await registry.rotateKey({ ...name, publicKey: third });
    const kept = [second, third].map(async (key) => (await publicKeyFrom(key)).keyId);
    expect(await ids()).toEqual(await Promise.all(kept));
    await registry.removeKey({ ...name, keyId: (await ids())?.[0] ?? "", now: true });
    expect(await ids()).toEqual([await kept[1]]);
    expect(await ids()).not.toContain(first);
  });

  it("begins, confirms and ends the suspicion of a mass expiry once", async () => {
    const store = new SelfPreservationStore(client, engine.registryTableName);
    const state = {
      suspectedAt: 1000,
      heldUntil: 2000,
      silent: 6,
      online: 10,
      sample: { asked: 1, alive: 1, gone: 0 } as never,
    };
    expect(await store.begin("lost", state)).toBe(true);
    expect(await store.begin("lost", state)).toBe(false);
    await store.announce("lost", state);
    expect(await store.confirm("lost", state, 1500)).toBe(true);
    expect(await store.confirm("lost", state, 1600)).toBe(false);
    expect((await store.all()).get("lost")).toMatchObject({ announced: true, confirmedAt: 1500 });
    await store.end("lost", state);
    expect((await store.all()).get("lost")).toBeUndefined();
  });
});

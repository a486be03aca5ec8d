/** Profiles of agents, on the real engine. */

import { AgentRegistry, type RegisteredAgent } from "@agent-heartbeat/sdk/registry";
import { ScanCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { dynamoDbAgentLocator } from "../../../lambda/messaging/agent-locator";
import { CapableAgents } from "../../../lambda/messaging/capable-agents";
import { profileHandler } from "../../../lambda/profile/handler";
import { ProfileStore } from "../../../lambda/profile/store";
import { RegistryReads } from "../../../sdk/src/status/registry-reads";
import { type Engine, startEngine } from "../../../testing/engine";
import { newEd25519Key } from "../../../testing/keys";
import { putAgent } from "../../../testing/login";
import {
  ConnectionsRecorder,
  LogRecorder,
  MetricsRecorder,
  OPEN_GUARD,
  OPEN_RATES,
  routeEvent,
} from "../../../testing/presence";

describe("a profile", () => {
  let engine: Engine;
  let presence: ReturnType<typeof profileHandler>;
  beforeAll(async () => {
    engine = await startEngine();
    presence = profileHandler({
      guard: OPEN_GUARD,
      rates: OPEN_RATES,
      capable: new CapableAgents(engine.client, engine.subscriptionsTableName),
      agents: dynamoDbAgentLocator(engine.client, engine.statusTableName),
      profiles: new ProfileStore(engine.client, engine.registryTableName),
      log: new LogRecorder(),
      connections: new ConnectionsRecorder(),
      metrics: new MetricsRecorder().sink,
    });
    for (const agentId of ["a1", "a2", "a3"]) {
      await putAgent(engine.client, engine.registryTableName, [], { agentId });
    }
  });
  afterAll(() => engine.stop());

  const profilesOf = async (...agentIds: string[]) =>
    Object.fromEntries(
      await new RegistryReads(engine.client, engine.registryTableName).profiles("acme", agentIds),
    );
  const say = async (fields: object, owner: object = {}) => {
    const { body = "null" } = await presence(routeEvent({}, { type: "profile", ...fields }, owner));
    return JSON.parse(body);
  };

  it("is stored unchanged, whatever JSON it is, and replaced as a whole", async () => {
    const metadata = { version: "1.4.2", huge: 1e300, deep: { list: [null, true, "", -0.5] } };
    expect(await say({ capabilities: ["old"], id: "p1" })).toEqual({
      type: "profile_ack",
      id: "p1",
    });
    await say({ capabilities: ["summarize"], metadata });
    await say({}, { agentId: "a3" });
    expect(await profilesOf("a1", "a2", "a3")).toEqual({
      a1: { capabilities: ["summarize"], metadata },
      a3: { capabilities: [], metadata: {} },
    });
  });

  it("of an agent that is no longer registered is dropped", async () => {
    expect(await say({ capabilities: ["x"] }, { agentId: "gone" })).toEqual({
      type: "profile_ack",
    });
    expect(await profilesOf("gone")).toEqual({});
  });

  it("of an agent that was locked out after its login is dropped, even if the name is registered again", async () => {
    const { client, registryTableName, statusTableName } = engine;
    const registry = new AgentRegistry({ client, registryTableName, statusTableName });
    const name = { organizationId: "acme", agentId: "again" };
    const publicKey = newEd25519Key();
    const sayAs = ({ revokedAt, createdAt }: RegisteredAgent) =>
      say({ capabilities: ["x"] }, { ...name, fencingToken: revokedAt ?? createdAt });
    const record = async () =>
      (await client.send(new ScanCommand({ TableName: registryTableName }))).Items?.find(
        ({ recordId }) => recordId?.S?.endsWith("again"),
      );
    const first = await registry.register({ ...name, publicKey });
    await registry.disable(name);
    await sayAs(first);
    expect(await record()).not.toHaveProperty("profile");
    const enabled = await registry.enable(name);
    await sayAs(enabled);
    expect(await record()).toHaveProperty("profile");
    await registry.remove(name);
    await sayAs(enabled);
    expect(await record()).not.toHaveProperty("profile");
    await registry.register({ ...name, publicKey });
    await sayAs(enabled);
    expect(await record()).toHaveProperty("publicKeys");
    expect(await record()).not.toHaveProperty("profile");
  });

  it.each([
    [{ capabilities: "summarize" }, 'capabilities: expected Array, got "summarize"'],
    [{ capabilities: [7] }, "capabilities.0: expected string, got 7"],
    [{ capabilities: Array(51).fill("x") }, "capabilities: expected <=50, got 51"],
    [{ metadata: [] }, "metadata: expected an object, got an array"],
    [
      { metadata: { text: "é".repeat(2100) } },
      "capabilities and metadata: expected at most 4096 bytes, got 4242",
    ],
  ])("is refused if it is malformed: %j", async (fields, message) => {
    expect(await say(fields)).toEqual({ type: "error", code: "invalid_message", message });
  });

  it("of a viewer is refused", async () => {
    expect(await say({}, { role: "viewer" })).toMatchObject({ code: "forbidden" });
  });
});

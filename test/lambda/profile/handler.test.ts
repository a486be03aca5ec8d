/** Profiles of agents, on the real engine. */

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { profileHandler } from "../../../lambda/profile/handler";
import { ProfileStore } from "../../../lambda/profile/store";
import { RegistryReads } from "../../../sdk/src/status/registry-reads";
import { type Engine, startEngine } from "../../../testing/engine";
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

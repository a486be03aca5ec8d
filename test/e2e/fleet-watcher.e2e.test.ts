/** The SDK's fleet watcher with real agents. */

import { randomUUID } from "node:crypto";
import {
  type AgentPresence,
  FleetWatcher,
  HeartbeatAgent,
  publicKeyOf,
  type TransitionRecord,
} from "@agent-heartbeat/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { openTarget, type Target } from "../../testing/e2e/target";
import { until } from "../../testing/e2e/until";
import { newEd25519Key } from "../../testing/keys";

const AGENTS = 120;

describe("the fleet watcher", () => {
  const privateKey = newEd25519Key();
  let target: Target;
  let organizationId: string;
  let watcher: FleetWatcher;
  let agents: HeartbeatAgent[];

  beforeAll(() => {
    target = openTarget();
  });
  beforeEach(async () => {
    organizationId = `e2e-${randomUUID()}`;
    agents = [];
    await register("viewer", "viewer");
    watcher = new FleetWatcher({ ...settings("viewer"), profiles: true });
  });
  afterEach(async () => {
    await Promise.all([watcher.stop(), ...agents.map((agent) => agent.stop())]);
  });
  afterAll(() => target.close());

  const settings = (agentId: string) => ({
    agentId,
    organizationId,
    url: target.url,
    privateKey,
    logger: null,
  });
  const register = async (agentId: string, role: "agent" | "viewer" = "agent") => {
    const publicKey = (await publicKeyOf(privateKey)).jwk as never;
    await target.registry.register({ organizationId, agentId, publicKey, role });
  };
  const startAgent = async (agentId: string, options: object = {}) => {
    const agent = new HeartbeatAgent({ ...settings(agentId), ...options });
    agents.push(agent);
    await agent.start();
    return agent;
  };
  /** Waits for a change after which an agent is in the expected state. */
  const shown = (agentId: string, fits: (presence: AgentPresence | null) => boolean) =>
    new Promise<AgentPresence | null>((resolve) => {
      const look = (presence: AgentPresence | null) => {
        if (!fits(presence)) return;
        stopListening();
        resolve(presence);
      };
      const stopListening = watcher.on("change", ({ agentId: id, current }) => {
        if (id === agentId) look(current);
      });
      look(watcher.agents.get(agentId) ?? null);
    });

  it("has agents that were online before, that connect, drain and leave, each with its reason", async () => {
    await Promise.all([register("a1"), register("a2")]);
    await startAgent("a1");
    await watcher.start();
    expect(watcher.state).toBe("live");
    expect(watcher.agents.get("a1")).toMatchObject({ status: "online", reason: null });
    const agent = await startAgent("a2");
    await shown("a2", (presence) => presence?.status === "online");
    let finish = () => {};
    const work = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const begun = new Promise<void>((resolve) => {
      agent.onMessage("work", () => {
        resolve();
        return work;
      });
    });
    await until(async () => (await agents[0]?.publish("work"))?.reached || undefined);
    await begun;
    const drained = agent.drain();
    const transition = await new Promise((resolve) =>
      watcher.on("change", (change) => change.agentId === "a2" && resolve(change.transition)),
    );
    // Not from a list, which shows it sooner or later.
    expect(transition).toMatchObject({
      event: "draining",
      reason: "drain_started",
      activity: { state: "draining", task: "work", inFlight: 1 },
    });
    finish();
    await drained;
    const gone = await shown("a2", (presence) => presence?.status === "offline");
    expect(gone).toMatchObject({ reason: "drained" });
    expect([...watcher.agents.keys()].toSorted()).toEqual(["a1", "a2"]);
    const history = await until(async () => {
      const records: TransitionRecord[] = await watcher.history("a2");
      return records.length === 3 ? records : undefined;
    });
    expect(history.map(({ event, reason }) => [event, reason])).toEqual([
      ["offline", "drained"],
      ["draining", "drain_started"],
      ["online", "connected"],
    ]);
  });

  it("uses the connection of an agent, which it neither replaces nor ends", async () => {
    await Promise.all([register("a1"), register("a2")]);
    const watching = await startAgent("a1");
    const before = await target.statuses.getAgent(organizationId, "a1");
    const heard: unknown[] = [];
    watching.fleet.on("change", ({ agentId, current }) => heard.push([agentId, current?.status]));
    await watching.fleet.start();
    const [connection, agent] = [before?.connectionId, await startAgent("a2")];
    await until(async () => watching.fleet.agents.get("a2")?.status === "online" || undefined);
    expect(watching.fleet.agents.get("a1")).toMatchObject({
      status: "online",
      connectionId: connection,
    });
    await agent.drain();
    await until(async () => watching.fleet.agents.get("a2")?.reason === "drained" || undefined);
    expect(heard).toEqual(
      expect.arrayContaining([
        ["a1", "online"],
        ["a2", "online"],
        ["a2", "offline"],
      ]),
    );
    await watching.fleet.stop();
    expect([watching.fleet.state, watching.state]).toEqual(["stopped", "connected"]);
    const after = await target.statuses.getAgent(organizationId, "a1");
    expect(after).toMatchObject({ status: "online", connectionId: connection });
  });

  it("is refused with an agent's key, and does not take the agent's place", async () => {
    await register("a1");
    const agent = await startAgent("a1");
    const wrong = new FleetWatcher(settings("a1"));
    await expect(wrong.start()).rejects.toThrow(
      /expected the key of a viewer, got that of an agent/,
    );
    expect([wrong.state, agent.state]).toEqual(["stopped", "connected"]);
  });

  it("misses none of many agents that connect while it lists several pages", async () => {
    const ids = [...Array(AGENTS).keys()].map((n) => `agent-${n}`);
    await Promise.all(ids.map((id) => register(id)));
    const half = AGENTS / 2;
    await Promise.all(ids.slice(0, half).map((id) => startAgent(id)));
    const later = Promise.all(ids.slice(half).map((id) => startAgent(id)));
    await Promise.all([watcher.start(), later]);
    await Promise.all(ids.map((id) => shown(id, (presence) => presence?.status === "online")));
    expect([...watcher.agents.keys()].toSorted()).toEqual(ids.toSorted());
  });
});

import { FleetWatcher, HeartbeatAgent, LoginRefusedError } from "@agent-heartbeat/sdk";
import { FakeService } from "@agent-heartbeat/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

let service: FakeService;
let agent: HeartbeatAgent;
beforeEach(() => {
  service = new FakeService();
  agent = new HeartbeatAgent({ ...service.options("a1"), reconnect: { schedule: () => 0.01 } });
});
afterEach(() => agent.stop());

const online = (agentId: string) => agent.fleet.agents.get(agentId)?.status === "online";
const subscriptions = () => [...(service.last?.subscriptions ?? [])].map((one) => one.trim());

describe("a watcher with an agent's key", () => {
  it("is refused with an explanation, does not retry, and does not disturb the agent", async () => {
    await agent.start();
    const errors: string[] = [];
    const logger = { warn: () => {}, error: (message: string) => void errors.push(message) };
    const watcher = new FleetWatcher({ ...service.options("a1"), logger });
    const states: unknown[] = [];
    watcher.on("state", ({ state, failure }) => states.push([state, failure?.message]));
    const message =
      "a1: expected the key of a viewer, got that of an agent: an agent watches by its own agent.fleet";
    await expect(watcher.start()).rejects.toMatchObject({
      constructor: LoginRefusedError,
      message,
      status: 422,
    });
    expect(errors).toEqual([message]);
    expect(states).toEqual([
      ["connecting", undefined],
      ["stopped", message],
    ]);
    expect(service.logins).toHaveLength(2);
    expect(agent.state).toBe("connected");
    await watcher.stop();
  });
});

describe("an agent's fleet", () => {
  it("begins with the agent's connection, whichever of them is started first", async () => {
    const watching = agent.fleet.start();
    expect(agent.fleet.state).toBe("connecting");
    await agent.start();
    await watching;
    expect(agent.fleet).toBe(agent.fleet);
    expect([agent.fleet.state, online("a1")]).toEqual(["live", true]);
    expect(service.logins).toHaveLength(1);
  });

  it.each([
    ["nothing", undefined],
    ["another subject", "tasks.>"],
    ["the same subject", "presence.>"],
  ])("works beside an agent that handles %s", async (_, pattern) => {
    const handled: string[] = [];
    if (pattern) agent.onMessage(pattern, (subject) => void handled.push(subject));
    await agent.start();
    await agent.fleet.start();
    service.agent("a2").online();
    await service.until(() => online("a2"), "a2 to be seen");
    service.publish("tasks.a", 1);
    await service.until(
      () => !pattern || handled.some((subject) => subject.startsWith(pattern.slice(0, 5))),
      "a message to be handled",
    );
    expect(handled.every((subject) => subject.startsWith(pattern?.slice(0, 5) ?? "?"))).toBe(true);
    // Requests of both have ids of their own.
    const [page, history] = await Promise.all([agent.list(), agent.fleet.history("a2")]);
    expect([page.agents.length, Array.isArray(history)]).toEqual([2, true]);
  });

  it("is stale without a connection, and live again with the next one", async () => {
    await agent.start();
    await agent.fleet.start();
    const states: string[] = [];
    agent.fleet.on("state", ({ state }) => states.push(state));
    service.disconnect("a1");
    await service.until(() => states.includes("live"), "the fleet to be live again");
    expect(states).toEqual(["stale", "live"]);
  });

  it("ends alone, with its subscription", async () => {
    agent.onMessage("tasks.>", () => {});
    await agent.start();
    await agent.fleet.start();
    expect(subscriptions().sort()).toEqual(["presence.>", "tasks.>"]);
    await agent.fleet.stop();
    await service.until(() => subscriptions().length === 1, "the subscription to end");
    expect([agent.fleet.state, agent.state]).toEqual(["stopped", "connected"]);
    await expect(agent.fleet.history("a1")).rejects.toThrow("expected an open connection");
  });

  it("ends with the agent, and can't be started after it", async () => {
    await agent.start();
    await agent.fleet.start();
    await agent.stop();
    expect(agent.fleet.state).toBe("stopped");
    const ended = new HeartbeatAgent(service.options("a2"));
    await ended.start();
    await ended.drain();
    await expect(ended.fleet.start()).rejects.toThrow("expected an open connection");
  });
});

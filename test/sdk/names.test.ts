/** Names that TypeScript refuses at compile time are errors at run time in JavaScript. */

import {
  ConfigurationError,
  FleetWatcher,
  HeartbeatAgent,
  SimpleAgent,
} from "@agent-heartbeat/sdk";
import { AgentRegistry } from "@agent-heartbeat/sdk/registry";
import { InvalidArgumentError, StatusReader } from "@agent-heartbeat/sdk/status";
import { startFakeService } from "@agent-heartbeat/sdk/testing";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { describe, expect, it } from "@jest/globals";
import { unknown } from "../../core/unknown-names";
import { Emitter } from "../../sdk/src/emitter";
import { connectedAgent } from "../../testing/agents";
import { TEST_KEY } from "../../testing/keys";

const OPTIONS = {
  agentId: "agent-1",
  organizationId: "acme",
  url: "wss://gateway.test/prod",
  privateKey: TEST_KEY,
  logger: null,
};
const untyped = <T>(value: unknown) => value as T;

describe("a name that there is none of", () => {
  it.each<[string, object, string]>([
    [
      "an option",
      { heartbeatIntervall: 30 },
      "option heartbeatIntervall: unknown; did you mean heartbeatInterval?",
    ],
    ["an option in Python's style", { private_key: "" }, "did you mean privateKey?"],
    [
      "an option of reconnecting",
      { reconnect: { minDelay: 1 } },
      "option reconnect.minDelay: unknown; did you mean maxDelay?",
    ],
    [
      "an option of rotation",
      { rotateAfter: { min: 10, max: 20, middle: 15 } },
      "option rotateAfter.middle",
    ],
    [
      "an option like no other",
      { colour: "red" },
      "option colour: unknown; expected one of ackEvery, agent, agentId,",
    ],
  ])("is refused as %s", (_, more, message) => {
    for (const kind of [HeartbeatAgent, SimpleAgent]) {
      const make = () => new kind({ ...OPTIONS, ...more });
      expect(make).toThrow(ConfigurationError);
      expect(make).toThrow(message);
    }
  });

  it("is refused as an option of a watcher, which has fewer", () => {
    const make = (more: object) => new FleetWatcher({ ...OPTIONS, ...more });
    expect(() => make({ heartbeatThread: true })).toThrow("option heartbeatThread");
    expect(() => make({ profile: true })).toThrow("did you mean profiles?");
  });

  it("is refused as an event, before it is waited for in vain", async () => {
    const agent = new HeartbeatAgent(OPTIONS);
    const watcher = new FleetWatcher(OPTIONS);
    const listen = () => undefined;
    expect(() => agent.on("heartbeatack" as never, listen)).toThrow(
      "event heartbeatack: unknown; did you mean heartbeatAck?",
    );
    expect(() => agent.once("connected" as never, listen)).toThrow("event connected");
    expect(() => watcher.on("changed" as never, listen)).toThrow("did you mean change?");
    expect(() => watcher.once("toString" as never, listen)).toThrow("event toString");
  });

  it("is refused as an option of a method", async () => {
    const { agent } = await connectedAgent();
    const handle = () => undefined;
    expect(() => agent.onMessage("a", handle, untyped({ maxSilense: 1 }))).toThrow(
      "did you mean maxSilence?",
    );
    await expect(agent.publish("a", 1, untyped({ too: "b" }))).rejects.toThrow("did you mean to?");
    await expect(agent.request("a", 1, untyped({ timeOut: 1 }))).rejects.toThrow(
      "did you mean timeout?",
    );
  });

  it("is refused as an option of a reader, of its list, and of a registration", async () => {
    const make = () => new StatusReader(untyped({ tableName: "t", registryTablename: "r" }));
    expect(make).toThrow(InvalidArgumentError);
    expect(make).toThrow("did you mean registryTableName?");
    const reader = new StatusReader({ tableName: "t" });
    const list = reader.listAgents(untyped({ organizationId: "acme", organisation: "acme" }));
    await expect(list).rejects.toThrow("option organisation: unknown");
    reader.close();
  });

  it("gets a suggestion only if there is a similar one", () => {
    expect(unknown("xyz", ["alpha", "beta"])).toBe("xyz: unknown; expected one of alpha, beta");
  });
});

describe("the name of a table that is missing", () => {
  const client = new DynamoDBClient({ region: "eu-west-1" });

  it.each([undefined, "", 7])("is refused where it is given: %p", (name) => {
    expect(() => new StatusReader(untyped({ tableName: name }))).toThrow(
      "tableName: expected the name of a table (the stack's output StatusTableName), got",
    );
    const names = { registryTableName: "r", statusTableName: "s" };
    for (const option of ["registryTableName", "statusTableName"]) {
      const make = () => new AgentRegistry(untyped({ client, ...names, [option]: name }));
      expect(make).toThrow(`${option}: expected the name of a table`);
    }
    if (name === undefined) return;
    const make = () => new StatusReader(untyped({ tableName: "t", registryTableName: name }));
    expect(make).toThrow("registryTableName: expected the name of a table");
  });
});

describe("a value of another kind", () => {
  const agent = new HeartbeatAgent(OPTIONS);
  const watcher = new FleetWatcher(OPTIONS);
  const values = [null, undefined, 5, "x", {}] as never[];

  it.each(values)("is no listener and no handler: %p", (value) => {
    for (const client of [agent, watcher]) {
      for (const call of ["on", "once", "off"] as const) {
        expect(() => untyped<HeartbeatAgent>(client)[call]("state", value)).toThrow(
          "listener of state: expected a function",
        );
      }
    }
    expect(() => agent.onMessage("tasks", value)).toThrow("handler of tasks: expected a function");
  });

  it.each(["signal", 5, null, {}])("is no signal: %p", async (signal) => {
    const options = { signal: signal as never };
    for (const client of [agent, watcher, new SimpleAgent(OPTIONS)]) {
      await expect(client.start(options)).rejects.toThrow("option signal: expected an AbortSignal");
    }
  });

  it("is named where an object is expected", async () => {
    await expect(agent.start(untyped(null))).rejects.toThrow(
      "options: expected an object, got null",
    );
    expect(() => agent.setProfile(untyped(null))).toThrow("profile: expected an object, got null");
    await expect(agent.list(untyped(5))).rejects.toThrow("query: expected an object, got 5");
  });

  it.each([0, 101, Number.NaN, 1.5, Number.POSITIVE_INFINITY, "5"])(
    "is no limit of a list: %p",
    async (limit) => {
      const listed = agent.list({ limit: untyped<number>(limit) });
      await expect(listed).rejects.toThrow(
        /^option limit: expected a (whole )?number.*, got "?[\dN I-y.]+"?$/,
      );
    },
  );

  it("is distinguished from a number that JSON does not have", () => {
    const make = (value: number) => () => new HeartbeatAgent({ ...OPTIONS, requestTimeout: value });
    expect(make(Number.NaN)).toThrow("got NaN");
    expect(make(Number.NEGATIVE_INFINITY)).toThrow("got -Infinity");
  });

  it("is refused as an option of a list or a profile", async () => {
    await expect(agent.list(untyped({ limitt: 1 }))).rejects.toThrow("option limitt");
    expect(() => agent.setProfile(untyped({ capability: [] }))).toThrow("option capability");
  });
});

describe("listeners", () => {
  it("are called once, or until they are removed, however often they were added", async () => {
    const { agent, socket } = await connectedAgent();
    const calls: string[] = [];
    const listen = () => void calls.push("on");
    agent.on("heartbeatAck", listen);
    agent.on("heartbeatAck", listen);
    agent.once("heartbeatAck", () => void calls.push("once"));
    agent.once("heartbeatAck", () => void calls.push("never"))();
    agent.on("state", listen);
    socket.ack();
    expect(calls).toEqual(["on", "on", "once"]);
    agent.off("heartbeatAck", listen);
    socket.ack();
    expect(calls).toHaveLength(3);
  });

  it("are called once, too, if one before them causes the next event", async () => {
    const emitter = new Emitter<{ tick: number }>(() => undefined);
    const calls: number[] = [];
    emitter.on("tick", (count) => count === 1 && emitter.emit("tick", 2));
    emitter.on("tick", (count) => calls.push(count), true);
    emitter.emit("tick", 1);
    expect(calls).toEqual([2]);
  });
});

describe("at the end of a block, await using", () => {
  it("drains agents and stops watchers", async () => {
    const service = await startFakeService();
    {
      await using agent = new HeartbeatAgent(service.options("agent-1"));
      await using watcher = new FleetWatcher(service.options("viewer", "viewer"));
      await Promise.all([agent.start(), watcher.start()]);
    }
    const ends = service.connections.map(({ agentId, closed }) => [agentId, closed?.reason]);
    expect(Object.fromEntries(ends)).toEqual({ "agent-1": "drained", viewer: "stopped" });
    await service.close();
  });
});

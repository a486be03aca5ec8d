/** If something that an application passes in throws, rejects or is absurd, the agent continues, and reports it where it can. */

import { describe, expect, it } from "@jest/globals";
import { connectedAgent } from "../../testing/agents";
import { answerList, fakeFleet, presence } from "../../testing/fleet-watchers";

const SECOND = 1000;
const settled = () => new Promise((resolve) => setImmediate(resolve));

const broken = () => {
  throw new Error("a getter");
};

/** Things that are thrown, of which not all can be shown. */
const THROWN: [string, unknown][] = [
  ["an error", new Error("broken")],
  ["null", null],
  ["nothing", undefined],
  ["a symbol", Symbol("s")],
  ["an object without a prototype", Object.create(null)],
  ["an object that can't be shown", { toString: broken }],
];
const throwing = (thrown: unknown) => () => {
  throw thrown;
};
const rejecting = (thrown: unknown) => () => Promise.reject(thrown);
const thenable = (thrown: unknown) => () => ({
  // biome-ignore lint/suspicious/noThenProperty: this is what it is about
  get then() {
    throw thrown;
  },
});

// By name: the test runner would look into the values.
describe.each(THROWN.map(([name]) => name))("where %s is thrown", (name) => {
  const thrown = THROWN.find(([other]) => other === name)?.[1];
  it.each([
    ["throws", throwing],
    ["rejects", rejecting],
    ["returns a broken thenable", thenable],
  ])("a listener or logger that %s affects nothing else", async (_, make) => {
    const act = make(thrown) as () => never;
    const { agent, socket, runtime } = await connectedAgent({ logger: { warn: act, error: act } });
    const events = [
      "state",
      "attemptFailed",
      "heartbeatAck",
      "ready",
      "handlerError",
      "messageDropped",
      "protocolError",
    ] as const;
    for (const name of events) agent.on(name, act);
    let heard = 0;
    agent.on("heartbeatAck", () => heard++);
    agent.onMessage("tasks", throwing(thrown));
    socket.settleSubscriptions();
    socket.ack();
    socket.peer.received("{");
    socket.post({ type: "message", subject: "tasks", data: 1 });
    await settled();
    runtime.advance(45 * SECOND);
    expect(heard).toBe(1);
    expect(socket.heartbeats).toHaveLength(3);
    socket.peer.closed(1006, "");
    runtime.advance(SECOND);
    await runtime.accept(2);
    await settled();
    expect(agent.state).toBe("connected");
  });

  it.each([
    ["throws", throwing],
    ["rejects", rejecting],
    ["returns a broken thenable", thenable],
  ])("a handler that %s is reported and answered, and the next one runs", async (_, make) => {
    const { agent, socket } = await connectedAgent({ messageConcurrency: 1 });
    const errors: unknown[] = [];
    agent.on("handlerError", ({ error }) => errors.push(error));
    agent.onMessage("broken", make(thrown));
    const got: unknown[] = [];
    agent.onMessage("next", (_, data) => got.push(data));
    const replyTo = "_inbox.a2.x";
    socket.post({ type: "message", subject: "broken", data: 1, from: "a2", replyTo });
    socket.post({ type: "message", subject: "next", data: 2 });
    await settled();
    await settled();
    expect(errors.length === 1 && Object.is(errors[0], thrown)).toBe(true);
    expect(got).toEqual([2]);
    const { data } = socket.sent.find(({ type }) => type === "publish") ?? {};
    expect(data).toMatchObject({
      error: { code: "handler_failed", message: expect.stringMatching(/./) },
    });
  });

  it("a socket that throws when it sends is a lost connection", async () => {
    const { agent, socket, runtime, failures } = await connectedAgent();
    socket.send = throwing(thrown) as never;
    socket.terminate = throwing(thrown) as never;
    runtime.advance(30 * SECOND);
    await settled();
    expect(failures[0]?.failure.kind).toBe("network");
    runtime.advance(SECOND);
    await runtime.accept(2);
    expect(agent.state).toBe("connected");
  });
});

it.each([
  ["throw", throwing],
  ["reject", rejecting],
  ["return a broken thenable", thenable],
])("listeners and loggers of a fleet's watcher that %s affect nothing else", async (_, make) => {
  const act = make(new Error("broken")) as () => never;
  const { watcher, runtime } = fakeFleet({ logger: { warn: act, error: act } });
  for (const name of ["change", "state", "massExpiry"] as const) watcher.on(name, act);
  const heard: string[] = [];
  watcher.on("change", ({ agentId }) => heard.push(agentId));
  void watcher.start();
  (await runtime.socket(1)).peer.refused({ status: 503 });
  runtime.advance(2 * SECOND);
  const socket = await runtime.accept(2);
  socket.post({ type: "error", code: "internal", message: "broken" });
  await answerList(socket, runtime, [presence("a1")]);
  await settled();
  expect(watcher.state).toBe("live");
  expect(heard).toEqual(["a1"]);
});

it("a schedule that rejects is replaced by the built-in one", async () => {
  const schedule = (() => Promise.reject(new Error("no schedule"))) as never;
  const { socket, runtime, agent } = await connectedAgent({ reconnect: { schedule } });
  socket.peer.closed(1006, "");
  runtime.advance(SECOND);
  await runtime.accept(2);
  await settled();
  expect(agent.state).toBe("connected");
});

/** Handlers that end their own agent: nothing waits for itself, and answers are delivered. */

import { afterEach, describe, expect, it } from "@jest/globals";
import { HeartbeatAgent as PageAgent } from "../../sdk/src/browser";
import { connectedAgent } from "../../testing/agents";
import { FakeRuntime, type FakeSocket } from "../../testing/fake-runtime";
import { TEST_KEY } from "../../testing/keys";

const settled = () => new Promise((resolve) => setImmediate(resolve));

const ask = (socket: FakeSocket, subject: string) =>
  socket.post({ type: "message", subject, data: 1, from: "a2", replyTo: `_inbox.a2.${subject}` });

/** Confirms what was published, and answers the close. */
async function serve(socket: FakeSocket): Promise<void> {
  const confirmed = new Set<unknown>();
  for (let turn = 0; turn < 10; turn++) {
    for (const { type, id } of socket.sent) {
      if (type !== "publish" || confirmed.has(id)) continue;
      confirmed.add(id);
      socket.post({ type: "published", subject: "x", reached: 1, id });
    }
    await settled();
  }
  if (socket.closedWith) socket.peer.closed(1000, "");
  await settled();
}

const answers = (socket: FakeSocket) =>
  socket.sent.filter(({ type }) => type === "publish").map(({ data }) => data);

type Call = "drain" | "stop";

describe.each<Call[][]>([
  [["drain"]],
  [["drain", "drain"]],
  [["drain", "stop"]],
  [["drain", "stop", "stop"]],
  [["drain", "stop", "drain"]],
  [["stop"]],
  [["stop", "stop"]],
  [["stop", "drain"]],
  [["stop", "drain", "stop"]],
])("a handler that awaits %j", (calls) => {
  it("continues, and run() returns", async () => {
    const { agent, socket, ended, runtime } = await connectedAgent();
    agent.onMessage("end", async () => {
      for (const call of calls) await agent[call]();
      return "done";
    });
    ask(socket, "end");
    await serve(socket);
    await serve(socket);
    const drains = calls[0] === "drain";
    expect(await ended).toBe(drains ? "drained" : "stop");
    if (drains) expect(answers(socket)).toEqual([{ result: "done" }]);
    expect(agent.state).toBe("stopped");
    expect(runtime.pendingTimers).toBe(0);
  });
});

describe("drain() in a handler", () => {
  it("resolves when the others have finished, and the agent ends after the handler", async () => {
    const { agent, socket, ended } = await connectedAgent();
    const order: string[] = [];
    let finishWork = () => {};
    let finishEnd = () => {};
    agent.onMessage("work", async () => {
      await new Promise<void>((resolve) => (finishWork = resolve));
      order.push("work");
      return "worked";
    });
    agent.onMessage("end", async () => {
      await agent.drain();
      order.push("drained");
      await new Promise<void>((resolve) => (finishEnd = resolve));
      return "ended";
    });
    ask(socket, "work");
    ask(socket, "end");
    await serve(socket);
    expect(agent.state).toBe("draining");
    expect(order).toEqual([]);
    finishWork();
    await serve(socket);
    expect(order).toEqual(["work", "drained"]);
    expect(socket.isLive).toBe(true);
    finishEnd();
    await serve(socket);
    expect(await ended).toBe("drained");
    expect(answers(socket)).toEqual([{ result: "worked" }, { result: "ended" }]);
  });

  it("of two handlers that both wait for it lets both continue, and answers both", async () => {
    const { agent, socket, ended } = await connectedAgent();
    for (const name of ["one", "two"]) {
      agent.onMessage(name, async () => {
        await agent.drain();
        return name;
      });
      ask(socket, name);
    }
    await serve(socket);
    expect(await ended).toBe("drained");
    expect(answers(socket)).toEqual([{ result: "one" }, { result: "two" }]);
  });

  it("that is called by what a handler has left behind waits for the end", async () => {
    const { agent, socket, ended } = await connectedAgent();
    let drained: Promise<void> | undefined;
    agent.onMessage("end", () => {
      setImmediate(() => {
        drained = agent.drain();
      });
    });
    ask(socket, "end");
    await serve(socket);
    await drained;
    expect(await ended).toBe("drained");
    expect(agent.state).toBe("stopped");
  });

  it("waits no longer than drainTimeout for a handler that hangs", async () => {
    const { agent, socket, ended, runtime } = await connectedAgent({ drainTimeout: 20 });
    let drained = false;
    agent.onMessage("hang", () => new Promise(() => {}));
    agent.onMessage("end", async () => {
      await agent.drain();
      drained = true;
    });
    ask(socket, "hang");
    ask(socket, "end");
    await serve(socket);
    expect(drained).toBe(false);
    runtime.advance(20_000);
    await serve(socket);
    await serve(socket);
    expect(drained).toBe(true);
    expect(await ended).toBe("drained");
  });
});

describe("in a page, which does not know who calls after an await", () => {
  const made: PageAgent[] = [];
  afterEach(() => Promise.all(made.map((agent) => agent.stop())));

  it("a handler that calls drain() first continues, and its answer is delivered", async () => {
    const runtime = new FakeRuntime();
    const agent = new PageAgent({
      agentId: "page",
      organizationId: "acme",
      url: "wss://gateway.test/prod",
      privateKey: TEST_KEY,
      connectTimeout: 60,
      logger: null,
      runtime,
    });
    const ended = agent.run();
    const socket = await runtime.accept(1);
    agent.onMessage("end", async () => {
      await agent.drain();
      return "done";
    });
    ask(socket, "end");
    await serve(socket);
    await serve(socket);
    expect(await ended).toBe("drained");
    expect(answers(socket)).toEqual([{ result: "done" }]);
  });
});

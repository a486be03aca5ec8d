import { describe, expect, it } from "@jest/globals";
import { Work } from "../../../sdk/src/messaging/work";
import { connectedAgent } from "../../../testing/agents";

const SECOND = 1000;
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("the activity in heartbeats", () => {
  it("shows the current task, its start, and when it last advanced", async () => {
    const { agent, socket, runtime } = await connectedAgent({ heartbeatInterval: 10 });
    const began = runtime.now();
    let goOn = () => {};
    agent.onMessage(
      "tasks.process",
      async () => {
        await new Promise<void>((resolve) => (goOn = resolve));
        agent.progress("page 3 of 12");
        await new Promise<void>((resolve) => (goOn = resolve));
      },
      { maxSilence: 60 },
    );
    socket.post({ type: "message", subject: "tasks.process", data: 1 });
    await settled();
    expect(socket.heartbeats).toHaveLength(1);
    runtime.advance(5 * SECOND);
    const working = {
      state: "working",
      task: "tasks.process",
      startedAt: began,
      progressAt: began,
      maxSilenceMs: 60_000,
      inFlight: 1,
      eventLoopLagMs: 0,
    };
    expect(socket.heartbeats.at(-1)?.activity).toEqual(working);
    goOn();
    await settled();
    runtime.advance(10 * SECOND);
    expect(socket.heartbeats.at(-1)?.activity).toEqual({
      ...working,
      progressAt: began + 5 * SECOND,
      note: "page 3 of 12",
    });
    goOn();
    await settled();
    socket.ack({ serverTime: runtime.now() });
    runtime.advance(10 * SECOND);
    expect(socket.heartbeats.at(-1)?.activity).toEqual({ state: "idle", eventLoopLagMs: 0 });
  });

  it("costs no heartbeat: there are no more than without work", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    agent.onMessage("n", () => agent.progress());
    for (let n = 0; n < 100; n++) {
      socket.post({ type: "message", subject: "n", data: n });
      await settled();
    }
    expect(socket.heartbeats).toHaveLength(1);
    runtime.advance(45 * SECOND);
    expect(socket.heartbeats).toHaveLength(3);
  });

  it("passes on progress from within a loop that blocks, for the heartbeats of another thread", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    agent.onMessage("n", () => {
      // A timer that fires here simulates the other thread, whose heartbeats continue.
      for (let n = 0; n < 60; n++) {
        runtime.advance(SECOND);
        agent.progress(`step ${n}`);
      }
    });
    socket.post({ type: "message", subject: "n", data: 1 });
    await settled();
    const notes = socket.heartbeats.map(({ activity }) => (activity as { note?: string }).note);
    expect(notes).toEqual([undefined, "step 13", "step 43"]);
  });

  it("is in the server's time where the local clock is off", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    const serverTime = runtime.now() - 3600 * SECOND;
    runtime.advance(15 * SECOND);
    socket.ack({ serverTime });
    agent.onMessage("n", () => new Promise(() => {}));
    socket.post({ type: "message", subject: "n", data: 1 });
    await settled();
    runtime.advance(30 * SECOND);
    expect(socket.heartbeats.at(-1)?.activity).toMatchObject({
      startedAt: serverTime,
      progressAt: serverTime,
    });
  });

  it("attributes progress to the handler that calls, not to another one that runs", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    const advance = new Map<string, () => void>();
    const handler = async (subject: string) => {
      await new Promise<void>((resolve) => advance.set(subject, resolve));
      agent.progress(`of ${subject}`);
      await new Promise(() => {});
    };
    agent.onMessage("a", handler, { maxSilence: 100 });
    agent.onMessage("b", handler, { maxSilence: 50 });
    socket.post({ type: "message", subject: "a", data: 1 });
    socket.post({ type: "message", subject: "b", data: 1 });
    await settled();
    runtime.advance(15 * SECOND);
    expect(socket.heartbeats.at(-1)?.activity).toMatchObject({ task: "b", inFlight: 2 });
    advance.get("a")?.();
    await settled();
    socket.ack({ serverTime: runtime.now() });
    runtime.advance(30 * SECOND);
    // It is b that stalls first, and b has not advanced.
    const { activity } = socket.heartbeats.at(-1) as { activity: Record<string, number> };
    expect(activity.task).toBe("b");
    expect(activity.note).toBeUndefined();
    expect(activity.progressAt).toBe(activity.startedAt);
  });

  it("is not changed by progress() from outside of any handler, where nothing runs", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    agent.progress("nothing");
    runtime.advance(15 * SECOND);
    expect(socket.heartbeats.at(-1)?.activity).toEqual({ state: "idle", eventLoopLagMs: 0 });
  });
});

describe("work", () => {
  it("shows the oldest task if none can stall, and shortens long texts", () => {
    let now = 1;
    const work = new Work(() => now);
    const long = "x".repeat(200);
    const first = work.begin(long, undefined);
    now = 2;
    work.begin("b", undefined);
    expect(work.advance(undefined, long)).toBe(true);
    const text = "x".repeat(64);
    expect(work.activity(false)).toEqual({
      state: "working",
      task: text,
      startedAt: 1,
      progressAt: 2,
      note: text,
      inFlight: 2,
    });
    work.end(first);
    expect(work.advance(first, "late")).toBe(false);
    expect(work.activity(true)).toMatchObject({ state: "draining", task: "b", inFlight: 1 });
  });
});

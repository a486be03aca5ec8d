import { RemoteError } from "@agent-heartbeat/sdk";
import { type FakeAgent, fakeAgent } from "@agent-heartbeat/sdk/testing";
import { afterEach, describe, expect, it, jest } from "@jest/globals";

let agent: FakeAgent;

afterEach(async () => {
  jest.useRealTimers();
  await agent.stop();
});

describe("the fake agent", () => {
  it.each([false, true])(
    "calls handlers, and gives back what they return; fake timers: %s",
    async (fake) => {
      if (fake) jest.useFakeTimers();
      agent = fakeAgent();
      agent.onMessage("tasks.*", async (subject, data, { from }) => ({ subject, data, from }));
      expect(await agent.receive("tasks.a", { n: 1 }, "planner")).toEqual({
        subject: "tasks.a",
        data: { n: 1 },
        from: "planner",
      });
      expect(await agent.receive("tasks.b")).toMatchObject({ data: null, from: "test" });
    },
  );

  it("reports how a handler fails, and that there is none", async () => {
    agent = fakeAgent();
    agent.onMessage("tasks", () => {
      throw new Error("no model");
    });
    const failed = agent.receive("tasks");
    await expect(failed).rejects.toThrow(RemoteError);
    await expect(failed).rejects.toMatchObject({ code: "handler_failed", message: "no model" });
    await expect(agent.receive("other")).rejects.toMatchObject({ code: "no_handler" });
  });

  it("records what a handler publishes, and answers its requests", async () => {
    agent = fakeAgent({ agentId: "planner" });
    agent.reply("models.*", (_, data) => `summary of ${data}`);
    agent.onMessage("tasks", async (_, data) => {
      const summary = await agent.request("models.small", data);
      await agent.publish("done", summary);
    });
    expect(await agent.receive("tasks", "text")).toBeNull();
    expect(agent.published).toMatchObject([
      { subject: "models.small", data: "text", from: "planner" },
      { subject: "done", data: "summary of text" },
    ]);
  });
});

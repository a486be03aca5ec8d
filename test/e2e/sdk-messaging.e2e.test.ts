/** Messages, profiles and activity of SDK agents through the whole service. */

import { randomUUID } from "node:crypto";
import {
  HeartbeatAgent,
  type MessageHandler,
  NoReceiverError,
  publicKeyOf,
  RemoteError,
  SimpleAgent,
} from "@agent-heartbeat/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { openTarget, type Target } from "../../testing/e2e/target";
import { until } from "../../testing/e2e/until";
import { fastRuntime } from "../../testing/fast-runtime";
import { newEd25519Key } from "../../testing/keys";

describe("agents of the SDK", () => {
  const privateKey = newEd25519Key();
  let target: Target;
  let organizationId: string;
  let agents: (HeartbeatAgent | SimpleAgent)[];

  beforeAll(() => {
    target = openTarget();
  });
  beforeEach(async () => {
    organizationId = `e2e-${randomUUID()}`;
    agents = [];
    const publicKey = (await publicKeyOf(privateKey)).jwk as never;
    for (const agentId of ["a1", "a2"]) {
      await target.registry.register({ organizationId, agentId, publicKey });
    }
  });
  afterEach(() => Promise.all(agents.map((agent) => agent.stop())));
  afterAll(() => target.close());

  const newAgent = (
    Kind: typeof HeartbeatAgent | typeof SimpleAgent,
    agentId: string,
    options = {},
  ) => {
    const settings = { agentId, organizationId, url: target.url, privateKey, logger: null };
    const agent = new Kind({ ...settings, ...options });
    agents.push(agent);
    return agent;
  };

  it.each([HeartbeatAgent, SimpleAgent].map((Kind) => [Kind.name, Kind] as const))(
    "send requests and replies of any size, errors, and requests to nobody (%s)",
    async (_, Kind) => {
      const [asker, worker] = [newAgent(Kind, "a1"), newAgent(Kind, "a2")];
      worker.onMessage("tasks.*", (subject, data) => {
        if (subject === "tasks.fail") throw new Error("no such file");
        return { subject, length: String(data).length };
      });
      await Promise.all([asker.start(), worker.start()]);
      const large = "x".repeat(127 * 1024);
      expect(await asker.request("tasks.measure", large)).toEqual({
        subject: "tasks.measure",
        length: large.length,
      });
      await expect(asker.request("tasks.fail")).rejects.toThrow(RemoteError);
      await expect(asker.request("elsewhere")).rejects.toThrow(NoReceiverError);
      await expect(asker.request("elsewhere", null, { to: "a2" })).rejects.toMatchObject({
        code: "no_handler",
      });
    },
  );

  it("in a group get a request one at a time, and the next one gets it if the first one is lost", async () => {
    const publicKey = (await publicKeyOf(privateKey)).jwk as never;
    await target.registry.register({ organizationId, agentId: "a3", publicKey });
    const asker = newAgent(HeartbeatAgent, "a1");
    const got: [string, string | undefined, number | undefined][] = [];
    const workers = ["a2", "a3"].map((agentId) => {
      const worker = newAgent(HeartbeatAgent, agentId);
      const handle: MessageHandler = (_, __, { messageId, attempt }) => {
        got.push([agentId, messageId, attempt]);
        return attempt === 1 ? new Promise(() => {}) : agentId;
      };
      worker.onMessage("tasks.*", handle, { group: "workers" });
      return worker;
    });
    await Promise.all([asker, ...workers].map((agent) => agent.start()));
    const ask = (retries: number) => asker.request("tasks.a", 1, { timeout: 600, retries });
    const asked = ask(1);
    await until(async () => (got.length === 1 ? true : undefined));
    const [[first = "", messageId] = []] = got;
    await workers.find(({ agentId }) => agentId === first)?.stop();
    const second = first === "a2" ? "a3" : "a2";
    expect(await asked).toBe(second);
    expect(got).toEqual([
      [first, messageId, 1],
      [second, messageId, 2],
    ]);
    const lost = ask(0);
    const refused = expect(lost).rejects.toMatchObject({ code: "receiver_lost", from: "service" });
    await until(async () => (got.length === 3 ? true : undefined));
    await workers.find(({ agentId }) => agentId === second)?.stop();
    await refused;
  });

  it("keep the order of a subject's messages", async () => {
    const [sender, worker] = [newAgent(HeartbeatAgent, "a1"), newAgent(HeartbeatAgent, "a2")];
    const got: unknown[] = [];
    worker.onMessage(">", (_, data) => got.push(data));
    await Promise.all([sender.start(), worker.start()]);
    const sent = [...Array(50).keys()].map((n) => sender.publish("n", n));
    for (const { reached } of await Promise.all(sent)) expect(reached).toBe(1);
    await until(async () => (got.length === 50 ? true : undefined));
    expect(got).toEqual([...Array(50).keys()]);
  });

  it.each([
    ["by subject", {}],
    ["by name", { to: "a2" }],
  ])("lose and duplicate nothing that is sent %s in a rotation", async (_, options) => {
    const sender = newAgent(HeartbeatAgent, "a1");
    const worker = newAgent(HeartbeatAgent, "a2", {
      rotateAfter: { min: 10, max: 10 },
      // The clock is unchanged, because the login depends on it.
      runtime: { ...fastRuntime(10), now: Date.now },
    });
    const got: unknown[] = [];
    let rotated = false;
    worker.on("rotated", () => (rotated = true));
    worker.onMessage("n", (_, data) => got.push(data));
    await Promise.all([sender.start(), worker.start()]);
    let n = 0;
    while (!rotated) expect(await sender.publish("n", n++, options)).toEqual({ reached: 1 });
    for (const end = n + 20; n < end; n++) await sender.publish("n", n, options);
    await until(async () => (got.at(-1) === n - 1 ? true : undefined));
    expect(got).toEqual([...Array(n).keys()]);
  });

  it("send messages and requests to one agent that has a capability, also after it has connected again", async () => {
    const [asker, worker] = [
      newAgent(HeartbeatAgent, "a1", { capabilities: ["plan"] }),
      newAgent(HeartbeatAgent, "a2", { capabilities: ["summarize"] }),
    ];
    const answer: MessageHandler = (subject, data) => `${subject} ${data}`;
    worker.onMessage(">", answer, { group: "any" });
    await Promise.all([asker.start(), worker.start()]);
    const capability = "summarize";
    const listed = () =>
      until(async () => (await asker.publish("news", 1, { capability })).reached || undefined);
    expect(await listed()).toBe(1);
    expect(await asker.request(undefined, 1, { capability })).toBe("direct 1");
    await expect(
      asker.request("tasks.paint", 1, { capability: "paint", timeout: 30 }),
    ).rejects.toThrow(NoReceiverError);
    worker.setProfile({ capabilities: ["translate"] });
    await until(async () =>
      (await asker.publish("news", 1, { capability })).reached === 0 ? true : undefined,
    );
    expect(await asker.request("a.b", 2, { capability: "translate" })).toBe("a.b 2");
    await worker.stop();
    // A process that says nothing of itself has what its agent had.
    const next = newAgent(HeartbeatAgent, "a2");
    next.onMessage("a.b", answer);
    await next.start();
    expect(await asker.request("a.b", 3, { capability: "translate", timeout: 30 })).toBe("a.b 3");
  });

  it("report profile and activity, and read as stalled without progress", async () => {
    const profile = { capabilities: ["summarize"], metadata: { version: "1.4.2" } };
    const [sender, worker] = [
      newAgent(HeartbeatAgent, "a1"),
      newAgent(HeartbeatAgent, "a2", { ...profile, heartbeatInterval: 5 }),
    ];
    worker.onMessage("tasks.process", () => new Promise(() => {}), { maxSilence: 1 });
    await Promise.all([sender.start(), worker.start()]);
    await sender.publish("tasks.process");
    const stalled = await until(async () => {
      const { agents: shown } = await sender.list({ profiles: true });
      return shown.find(({ stalledSince }) => stalledSince !== null);
    });
    expect(stalled).toMatchObject({
      agentId: "a2",
      status: "online",
      activity: { state: "working", task: "tasks.process", maxSilenceMs: 1000, inFlight: 1 },
      profile,
    });
    const { stalledSince, activity } = stalled;
    expect(stalledSince).toBe((activity?.progressAt ?? 0) + 1000);
  });
});

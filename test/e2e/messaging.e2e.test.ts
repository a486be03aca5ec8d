/** Messages between connections, and transitions that a viewer receives. */

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { audienceOf } from "../../core/login-claims";
import { BareClient } from "../../testing/e2e/client";
import { openTarget, type Target } from "../../testing/e2e/target";
import { until } from "../../testing/e2e/until";
import { loginClaims, type TestKey, testKey } from "../../testing/login";

describe("messaging", () => {
  let organizationId: string;
  let target: Target;
  let key: TestKey;
  beforeAll(async () => {
    target = openTarget();
    key = await testKey();
  });
  beforeEach(async () => {
    organizationId = `e2e-${randomUUID()}`;
    const publicKey = key.jwk as never;
    await target.registry.register({ organizationId, agentId: "a1", publicKey });
    await target.registry.register({ organizationId, agentId: "a2", publicKey });
    await target.registry.register({
      organizationId,
      agentId: "viewer",
      publicKey,
      role: "viewer",
    });
  });
  afterAll(() => target.close());

  const connect = (agentId: string, overrides: object = {}) => {
    const claims = { org: organizationId, iss: agentId, sub: agentId, ...overrides };
    return BareClient.connect(
      target.url,
      key,
      loginClaims(audienceOf(target.url), Date.now(), claims),
    );
  };

  it("delivers a request to a subscriber, and the reply to the requesting agent", async () => {
    const [asker, worker] = await Promise.all([connect("a1"), connect("a2")]);
    expect(await worker.ask({ type: "subscribe", subject: "tasks.*", id: "s1" })).toEqual({
      type: "subscribed",
      subject: "tasks.*",
      id: "s1",
    });
    const replyTo = "_inbox.a1.q1";
    const published = asker.ask({ type: "publish", subject: "tasks.add", data: [1, 2], replyTo });
    expect(await worker.next()).toMatchObject({
      type: "message",
      subject: "tasks.add",
      data: [1, 2],
      from: "a1",
      replyTo,
    });
    expect(await published).toMatchObject({ type: "published", reached: 1 });
    expect(await worker.ask({ type: "publish", subject: replyTo, data: 3 })).toMatchObject({
      reached: 1,
    });
    expect(await asker.next()).toMatchObject({ type: "message", subject: replyTo, data: 3 });
    await Promise.all([asker.close(), worker.close()]);
  });

  it("delivers a message of nearly 128 KB", async () => {
    const [sender, worker] = await Promise.all([connect("a1"), connect("a2")]);
    await worker.ask({ type: "subscribe", subject: "large" });
    const data = "x".repeat(127 * 1024);
    const published = sender.ask({ type: "publish", subject: "large", data });
    expect((await worker.next()).data).toBe(data);
    expect(await published).toMatchObject({ reached: 1 });
    await Promise.all([sender.close(), worker.close()]);
  });

  it("sends a viewer every transition of an agent in order, and stores them", async () => {
    const viewer = await connect("viewer");
    await viewer.ask({ type: "subscribe", subject: "presence.>" });
    const agent = await connect("a1");
    expect(await viewer.next()).toMatchObject({
      subject: "presence.a1",
      from: "service",
      data: { event: "online", reason: "connected", agentId: "a1", organizationId },
    });
    await agent.close();
    expect(await viewer.next()).toMatchObject({
      data: { event: "offline", reason: "client_closed", previousStatus: "online" },
    });
    // The message and the history are written in parallel.
    const history = await until(async () => {
      const reply = await viewer.ask({ type: "history", agentId: "a1" });
      const events = (reply.transitions as { event: string }[]).map(({ event }) => event);
      return events.length === 2 ? events : undefined;
    });
    expect(history).toEqual(["offline", "online"]);
    await viewer.close();
  });

  it("reaches 200 agents with one publish, even if one of them dies meanwhile", async () => {
    const ids = Array.from({ length: 200 }, (_, index) => `fleet-${index}`);
    const sender = await connect("a1");
    const fleet = await Promise.all(
      ids.map(async (agentId) => {
        const publicKey = key.jwk as never;
        await target.registry.register({ organizationId, agentId, publicKey });
        const client = await connect(agentId, { instance_id: agentId });
        await client.ask({ type: "subscribe", subject: "all.hands" });
        return client;
      }),
    );
    const published = sender.ask({ type: "publish", subject: "all.hands", data: 1 });
    fleet[0]?.break();
    const received = await Promise.all(fleet.slice(1).map((client) => client.next()));
    expect(received.every(({ data }) => data === 1)).toBe(true);
    expect((await published).reached).toBeGreaterThanOrEqual(199);
    await Promise.all([...fleet.slice(1), sender].map((client) => client.close()));
  });

  it("removes the subscriptions of a connection that has ended", async () => {
    const [sender, worker] = await Promise.all([connect("a1"), connect("a2")]);
    await worker.ask({ type: "subscribe", subject: "a.b" });
    worker.break();
    await until(async () => {
      const { reached } = await sender.ask({ type: "publish", subject: "a.b" });
      return reached === 0 ? true : undefined;
    });
    await sender.close();
  });

  it("stores an agent's profile, and returns it in a list that requests profiles", async () => {
    const agent = await connect("a1");
    const profile = { capabilities: ["summarize"], metadata: { version: "1.4.2" } };
    expect(await agent.ask({ type: "profile", ...profile })).toEqual({ type: "profile_ack" });
    const page = await agent.ask({ type: "list", profiles: true });
    expect(page).toMatchObject({ agents: [{ agentId: "a1", profile }] });
    await agent.close();
  });

  it("refuses a viewer's publish, and any subscription to an inbox", async () => {
    const viewer = await connect("viewer");
    for (const message of [
      { type: "publish", subject: "a" },
      { type: "subscribe", subject: "_inbox.a1.>" },
    ]) {
      expect(await viewer.ask(message)).toMatchObject({ type: "error", code: "forbidden" });
    }
    await viewer.close();
  });
});

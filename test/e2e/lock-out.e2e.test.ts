/** Lock-outs over real sockets: a locked-out client holds, sends and receives nothing, whatever its row says. */

import { randomUUID } from "node:crypto";
import { AgentRegistry } from "@agent-heartbeat/sdk/registry";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { BareClient } from "../../testing/e2e/client";
import { openTarget, type Target } from "../../testing/e2e/target";
import { until } from "../../testing/e2e/until";
import { holdingBack } from "../../testing/held-client";
import { type TestKey, testKey } from "../../testing/login";

describe("a lock-out", () => {
  const organizationId = `e2e-${randomUUID()}`;
  let target: Target;
  let key: TestKey;
  let agentId: string;
  beforeAll(async () => {
    target = openTarget();
    key = await testKey();
  });
  beforeEach(async () => {
    agentId = `agent-${randomUUID()}`;
    await register(agentId);
  });
  afterAll(() => target.close());

  const register = (id: string, role: "agent" | "viewer" | "publisher" = "agent") =>
    target.registry.register({ organizationId, agentId: id, publicKey: key.jwk as never, role });
  const connect = (claims: object = {}, signedWith = key, id = agentId) =>
    BareClient.connect(target.url, signedWith, {
      org: organizationId,
      iss: id,
      sub: id,
      instance_id: "process-a",
      heartbeat_interval: 5,
      heartbeat_timeout: 7.5,
      ...claims,
    });
  const presence = () => target.statuses.getAgent(organizationId, agentId);
  const disable = () => target.registry.disable({ organizationId, agentId });
  const status = (expected: string) =>
    until(async () => ((await presence())?.status === expected ? true : undefined));

  /** Waits for the close, and returns the messages before it. */
  async function endOf(client: BareClient) {
    await client.closed;
    return client.received().map((message) => message.code ?? message.type);
  }

  it("notifies an idle agent, and closes its connection", async () => {
    const client = await connect();
    await disable();
    expect(await endOf(client)).toEqual(["revoked"]);
    expect(await presence()).toMatchObject({ status: "offline", reason: "revoked" });
    await expect(connect()).rejects.toMatchObject({ statusCode: 403 });
  });

  it("ends a process's remaining connection after the other one ended", async () => {
    const first = await connect();
    const second = await connect({ rotation: true });
    await second.close();
    await disable();
    expect(await endOf(first)).toContain("revoked");
    expect(await presence()).toMatchObject({ status: "offline", reason: "revoked" });
  });

  it("ends the connection of an older process too, even if it was silent", async () => {
    const older = await connect();
    const newer = await connect({ instance_id: "process-b" });
    await disable();
    expect(await endOf(older)).toEqual(["superseded", "revoked"]);
    expect(await endOf(newer)).toEqual(["revoked"]);
  });

  it("ends the connection of an agent whose lease has expired", async () => {
    const client = await connect();
    await status("offline");
    expect(await presence()).toMatchObject({ reason: "lease_expired" });
    await disable();
    expect(await endOf(client)).toEqual(["revoked"]);
    expect(await presence()).toMatchObject({ reason: "lease_expired" });
  });

  it("by removal leaves no row, and no heartbeat creates one", async () => {
    const client = await connect();
    await target.registry.remove({ organizationId, agentId });
    client.send({ type: "heartbeat" });
    await client.closed;
    expect(await presence()).toBeUndefined();
    await register(agentId);
    const again = await connect();
    expect(await again.ask({ type: "heartbeat" })).toMatchObject({ type: "heartbeat_ack" });
    expect(await presence()).toMatchObject({ status: "online" });
    await again.close();
  });

  it.each(["disable", "remove"] as const)(
    "by %s that is written late ends who logged in before it, and nobody who logged in since",
    async (how) => {
      const name = { organizationId, agentId };
      const { client: from, statusTableName, registryTableName } = target;
      const held = holdingBack(from, statusTableName);
      const slow = new AgentRegistry({ client: held.client, statusTableName, registryTableName });
      const before = await connect();
      const lockOut = slow[how](name);
      await held.waiting;
      await (how === "disable" ? target.registry.enable(name) : register(agentId));
      const since = await connect({ instance_id: "process-b" });
      expect(await endOf(before)).toEqual(["revoked"]);
      held.release();
      await lockOut;
      expect(await since.ask({ type: "heartbeat" })).toMatchObject({ type: "heartbeat_ack" });
      expect(await presence()).toMatchObject({ status: "online", instanceId: "process-b" });
      await since.close();
    },
  );

  it("refuses a login without a trace of it in the status", async () => {
    await disable();
    await expect(connect()).rejects.toMatchObject({ statusCode: 403 });
    expect(await presence()).toBeUndefined();
  });

  it("ends as soon as the agent is enabled again", async () => {
    await disable();
    await target.registry.enable({ organizationId, agentId });
    const client = await connect();
    expect(await client.ask({ type: "heartbeat" })).toMatchObject({ type: "heartbeat_ack" });
    await client.close();
  });

  it.each([
    ["viewer", { type: "list" }],
    ["viewer", { type: "subscribe", subject: "presence.>" }],
    ["publisher", { type: "publish", subject: "tasks.process" }],
  ] as const)("rejects a %s that sends %j", async (role, message) => {
    const id = `${role}-${randomUUID()}`;
    await register(id, role);
    const client = await connect({}, key, id);
    await client.ask(message);
    await target.registry.disable({ organizationId, agentId: id });
    client.send(message);
    expect(await endOf(client)).toContain("revoked");
  });

  describe.each(["viewer", "publisher"] as const)("of a %s", (role) => {
    let id: string;
    beforeEach(async () => {
      id = `${role}-${randomUUID()}`;
    });
    const name = () => ({ organizationId, agentId: id });

    it.each(["disable", "remove"] as const)(
      "by %s notifies and closes its idle connections",
      async (how) => {
        await register(id, role);
        const clients = await Promise.all([connect({}, key, id), connect({}, key, id)]);
        await target.registry[how](name());
        for (const client of clients) expect(await endOf(client)).toEqual(["revoked"]);
        await expect(connect({}, key, id)).rejects.toMatchObject({ statusCode: 403 });
        await (how === "disable" ? target.registry.enable(name()) : register(id, role));
        const again = await connect({}, key, id);
        expect(await again.ask({ type: "heartbeat" })).toMatchObject({ type: "heartbeat_ack" });
        await again.close();
      },
    );

    it("by removing its key at once closes the idle connection that used it, and no other", async () => {
      await register(id, role);
      const second = await testKey();
      const first = await connect({}, key, id);
      await target.registry.rotateKey({ ...name(), publicKey: second.jwk as never });
      const other = await connect({}, second, id);
      await target.registry.removeKey({ ...name(), keyId: key.keyId, now: true });
      expect(await endOf(first)).toEqual(["revoked"]);
      expect(await other.ask({ type: "heartbeat" })).toMatchObject({ type: "heartbeat_ack" });
      await other.close();
    });

    it("at the end of its registration refuses whatever it sends from then on, and closes its connection", async () => {
      const expiresAt = Date.now() + 3000;
      const publicKey = key.jwk as never;
      await target.registry.register({ ...name(), publicKey, role, expiresAt });
      const client = await connect({}, key, id);
      expect(await client.ask({ type: "heartbeat" })).toMatchObject({ type: "heartbeat_ack" });
      await until(async () => (Date.now() > expiresAt ? true : undefined));
      client.send({ type: "heartbeat" });
      expect(await endOf(client)).toEqual(["revoked"]);
      await expect(connect({}, key, id)).rejects.toMatchObject({ statusCode: 403 });
    });
  });

  it("at the end of a viewer's registration ends its subscriptions, though it sends nothing", async () => {
    const id = `viewer-${randomUUID()}`;
    const expiresAt = Date.now() + 3000;
    const publicKey = key.jwk as never;
    await target.registry.register({
      organizationId,
      agentId: id,
      publicKey,
      role: "viewer",
      expiresAt,
    });
    const viewer = await connect({}, key, id);
    const agent = await connect();
    expect(await viewer.ask({ type: "subscribe", subject: "news" })).toMatchObject({
      type: "subscribed",
    });
    const publish = () => agent.ask({ type: "publish", subject: "news", data: 1 });
    expect(await publish()).toMatchObject({ reached: 1 });
    await until(async () => (Date.now() > expiresAt ? true : undefined));
    expect(await publish()).toMatchObject({ reached: 0 });
    viewer.break();
    await agent.close();
  });

  it("by removing a key at once ends the connections that used it, and no others", async () => {
    const second = await testKey();
    await target.registry.addKey({ organizationId, agentId, publicKey: second.jwk as never });
    const first = await connect();
    const other = await connect({ rotation: true }, second);
    await target.registry.removeKey({ organizationId, agentId, keyId: key.keyId, now: true });
    expect(await endOf(first)).toContain("revoked");
    expect(await other.ask({ type: "heartbeat" })).toMatchObject({ type: "heartbeat_ack" });
    await other.close();
  });

  it("happens by itself when a temporary registration ends", async () => {
    const id = `guest-${randomUUID()}`;
    const expiresAt = Date.now() + 3000;
    const publicKey = key.jwk as never;
    await target.registry.register({ organizationId, agentId: id, publicKey, expiresAt });
    const client = await connect({}, key, id);
    const found = await target.statuses.getAgent(organizationId, id);
    expect(found?.leaseExpiresAt).toBe(expiresAt);
    await until(async () => (Date.now() > expiresAt ? true : undefined));
    client.send({ type: "heartbeat" });
    expect(await endOf(client)).toEqual(["revoked"]);
  });
});

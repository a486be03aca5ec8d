/** Presence: the status of processes that die, hang, restart and leave. */

import { randomUUID } from "node:crypto";
import type { AgentPresence } from "@agent-heartbeat/sdk/status";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { exportPKCS8 } from "jose";
import { type AgentProcess, outlivesStop, startAgent } from "../../testing/e2e/agent-process";
import { BareClient } from "../../testing/e2e/client";
import { openTarget, type Target } from "../../testing/e2e/target";
import { until } from "../../testing/e2e/until";
import { type TestKey, testKey } from "../../testing/login";

describe("presence", () => {
  const organizationId = `e2e-${randomUUID()}`;
  let target: Target;
  let key: TestKey;
  let agentId: string;
  let agents: AgentProcess[];
  beforeAll(async () => {
    target = openTarget();
    key = await testKey();
  });
  beforeEach(async () => {
    agents = [];
    agentId = `agent-${randomUUID()}`;
    await target.registry.register({ organizationId, agentId, publicKey: key.jwk as never });
  });
  afterEach(async () => {
    await Promise.all(agents.map((agent) => agent.end()));
  });
  afterAll(() => target.close());

  const presence = () => target.statuses.getAgent(organizationId, agentId);
  const reads = (expected: Partial<AgentPresence>) =>
    until(async () => {
      const found = await presence();
      return found &&
        Object.entries(expected).every(([name, value]) => found[name as never] === value)
        ? found
        : undefined;
    });

  /** The shortest possible lease: 5 s x 1.5. */
  const SHORT = { heartbeatInterval: 5, heartbeatTimeoutMultiplier: 1.5 };

  /** With a lease longer than any test, unless a shorter one is requested. */
  async function start(lease: object = {}): Promise<AgentProcess> {
    const agent = startAgent({
      organizationId,
      agentId,
      url: target.url,
      privateKey: await exportPKCS8(key.privateKey),
      heartbeatInterval: 5,
      heartbeatTimeoutMultiplier: 10,
      ...lease,
    });
    agents.push(agent);
    await agent.acknowledged;
    return agent;
  }

  const connect = (claims: object = {}) =>
    BareClient.connect(target.url, key, {
      org: organizationId,
      iss: agentId,
      sub: agentId,
      ...claims,
    });

  it("shows an agent as online as soon as it connects, with its lease", async () => {
    await start(SHORT);
    const found = await presence();
    expect(found).toMatchObject({
      status: "online",
      reason: null,
      leaseMs: 7500,
      heartbeatIntervalMs: 5000,
    });
  });

  it("shows a killed agent as offline long before its lease ends, and as online again when it restarts", async () => {
    const agent = await start();
    await agent.end();
    const offline = await reads({ status: "offline", reason: "connection_lost" });
    expect(offline.since).toBeLessThan(offline.leaseExpiresAt);
    await start();
    await reads({ status: "online" });
  });

  (outlivesStop ? it.skip : it)(
    "shows a stopped process as offline when its lease ends, without a sweep, and as online when it continues",
    async () => {
      const agent = await start(SHORT);
      agent.child.kill("SIGSTOP");
      const offline = await reads({ status: "offline", reason: "lease_expired" });
      expect(offline.leaseExpiresAt - offline.lastHeartbeatAt).toBe(7500);
      agent.child.kill("SIGCONT");
      const online = await reads({ status: "online" });
      expect(online.instanceId).toBe(offline.instanceId);
    },
  );

  it("shows an agent that received SIGTERM as drained", async () => {
    const agent = await start();
    agent.child.kill("SIGTERM");
    await reads({ status: "offline", reason: "drained" });
  });

  it("keeps an agent online when its old connection closes after it has reconnected", async () => {
    const old = await connect();
    await reads({ status: "online" });
    const first = await presence();
    const renewed = await connect();
    await until(async () => (await presence())?.connectionId !== first?.connectionId || undefined);
    await old.close();
    expect(await renewed.ask({ type: "heartbeat" })).toMatchObject({ type: "heartbeat_ack" });
    expect(await presence()).toMatchObject({ status: "online" });
    await renewed.close();
    await reads({ status: "offline", reason: "client_closed" });
  });

  it("keeps an agent online through a rolling restart in which the new process starts first", async () => {
    const old = await start();
    const before = await presence();
    await start();
    old.child.kill("SIGTERM");
    await until(
      async () => old.child.exitCode !== null || old.child.signalCode !== null || undefined,
    );
    expect(await presence()).toMatchObject({ status: "online", since: before?.since });
  });

  it("ends the older of two SDK processes, and leaves the newer one online", async () => {
    const older = await start();
    const newer = await start();
    await until(async () => older.child.exitCode ?? undefined);
    expect(newer.child.exitCode).toBeNull();
    expect(await presence()).toMatchObject({ status: "online" });
  });

  it("ends the connection of an agent that is disabled", async () => {
    const client = await connect();
    await reads({ status: "online" });
    await target.registry.disable({ organizationId, agentId });
    await client.closed;
    expect(await presence()).toMatchObject({ status: "offline", reason: "revoked" });
    await expect(connect()).rejects.toMatchObject({ statusCode: 403 });
  });

  it("hides an agent that is removed", async () => {
    const client = await connect();
    await reads({ status: "online" });
    await target.registry.remove({ organizationId, agentId });
    await client.closed;
    expect(await presence()).toBeUndefined();
  });
});

/** The clients' heartbeats over HTTP, against a real service. */

import { randomUUID } from "node:crypto";
import { HeartbeatAgent, HttpHeartbeatClient } from "@agent-heartbeat/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { exportPKCS8 } from "jose";
import { openTarget, type Target } from "../../testing/e2e/target";
import { until } from "../../testing/e2e/until";
import { fastRuntime } from "../../testing/fast-runtime";
import { type TestKey, testKey } from "../../testing/login";

describe("clients with heartbeats over HTTP", () => {
  const organizationId = `e2e-${randomUUID()}`;
  let agentId: string;
  let count = 0;
  let target: Target;
  let key: TestKey;
  let privateKey: string;

  beforeAll(async () => {
    target = openTarget();
    key = await testKey("ES256");
    privateKey = await exportPKCS8(key.privateKey);
  });
  beforeEach(async () => {
    count += 1;
    agentId = `a${count}`;
    await target.registry.register({ organizationId, agentId, publicKey: key.jwk as never });
  });
  afterAll(() => target.close());

  const status = () => target.statuses.getAgent(organizationId, agentId);
  const common = () => ({ agentId, organizationId, httpUrl: target.http.url, privateKey });
  /** Clients take the URL for the audience; an emulator may have them apart. */
  const isReachable = () => new URL(target.http.url).origin === target.http.audience;

  it("are online by one call, and offline by another", async () => {
    if (!isReachable()) return;
    const client = new HttpHeartbeatClient(common());
    const { leaseExpiresAt } = await client.sendHeartbeat({ state: "working", task: "nightly" });
    expect(await status()).toMatchObject({ status: "online", leaseExpiresAt });
    await Promise.all([client.sendHeartbeat(), client.sendHeartbeat()]);
    await client.leave({ reason: "drained" });
    expect(await status()).toMatchObject({ status: "offline", reason: "drained" });
    await client.sendHeartbeat();
    expect(await status()).toMatchObject({ status: "online" });
  });

  it("renew the lease of their WebSocket, and leave with it", async () => {
    if (!isReachable()) return;
    const agent = new HeartbeatAgent({
      ...common(),
      url: target.url,
      heartbeatTransport: "http",
      heartbeatInterval: 5,
      logger: null,
      // Heartbeats come at once after the first, a whole interval apart.
      runtime: { ...fastRuntime(5), random: () => 1 },
    });
    await agent.start();
    const before = await status();
    await until(async () => agent.getConnectionHealth().http?.lastHeartbeatAck ?? undefined);
    const after = await status();
    expect(after).toMatchObject({ status: "online", connectionId: before?.connectionId });
    expect(after?.leaseExpiresAt).toBeGreaterThan(before?.leaseExpiresAt as number);
    expect(agent.getConnectionHealth()).toMatchObject({
      healthy: true,
      http: { failedAttempts: 0 },
    });
    await agent.drain();
    await until(async () => ((await status())?.status === "offline" ? true : undefined));
    expect(await status()).toMatchObject({ reason: "drained" });
  });
});

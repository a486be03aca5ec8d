/** Heartbeats over HTTP, with a WebSocket of the same process and without one. */

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { audienceOf } from "../../core/login-claims";
import { BareClient } from "../../testing/e2e/client";
import { openTarget, type Target } from "../../testing/e2e/target";
import { until } from "../../testing/e2e/until";
import { loginClaims, signToken, type TestKey, testKey } from "../../testing/login";

describe("heartbeats over HTTP", () => {
  const organizationId = `e2e-${randomUUID()}`;
  let agentId: string;
  let count = 0;
  let target: Target;
  let key: TestKey;

  beforeAll(async () => {
    target = openTarget();
    key = await testKey("ES256");
  });
  beforeEach(async () => {
    count += 1;
    agentId = `a${count}`;
    await target.registry.register({ organizationId, agentId, publicKey: key.jwk as never });
  });
  afterAll(() => target.close());

  let last = 0;
  const claims = (audience: string, overrides: object = {}) => {
    last = Math.max(Date.now(), last + 1);
    const own = { org: organizationId, iss: agentId, sub: agentId };
    const times = { iat: last / 1000, exp: Math.floor(last / 1000) + 60 };
    return loginClaims(audience, last, { ...own, ...times, ...overrides });
  };
  const token = (overrides: object = {}) => signToken(key, claims(target.http.audience, overrides));
  const send = async (method: string, bearer: string, body?: object) => {
    const response = await fetch(`${target.http.url}/heartbeat`, {
      method,
      headers: { Authorization: `Bearer ${bearer}`, "Content-Type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  };
  const sendHeartbeat = async (overrides: object = {}, body?: object) =>
    send("POST", await token(overrides), body);
  const status = () => target.statuses.getAgent(organizationId, agentId);

  it("keep an agent online that has no WebSocket, until it leaves", async () => {
    const first = await sendHeartbeat({}, { activity: { state: "working", task: "nightly" } });
    expect(first).toMatchObject({ status: 200, body: { type: "heartbeat_ack" } });
    expect(await status()).toMatchObject({
      status: "online",
      leaseExpiresAt: first.body.leaseExpiresAt,
      activity: { state: "working", task: "nightly" },
    });
    const second = await sendHeartbeat();
    expect(second.body.leaseExpiresAt).toBeGreaterThan(first.body.leaseExpiresAt);
    expect((await send("DELETE", await token())).status).toBe(204);
    expect(await status()).toMatchObject({ status: "offline", reason: "client_closed" });
  });

  it("use each token once", async () => {
    const used = await token();
    const answers = await Promise.all(Array.from({ length: 5 }, () => send("POST", used)));
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 403, 403, 403, 403]);
    expect((await send("DELETE", used)).status).toBe(403);
    expect(await status()).toMatchObject({ status: "online" });
  });

  it("renew the lease of the process's WebSocket, whose end is the agent's", async () => {
    const process = { instance_id: "both" };
    const client = await BareClient.connect(
      target.url,
      key,
      claims(audienceOf(target.url), { ...process, iat: Math.floor(Date.now() / 1000) }),
    );
    const before = await status();
    const { body } = await sendHeartbeat(process);
    expect(await status()).toMatchObject({
      connectionId: before?.connectionId,
      leaseExpiresAt: body.leaseExpiresAt,
    });
    expect(await client.ask({ type: "heartbeat" })).toMatchObject({ type: "heartbeat_ack" });
    await client.close();
    await until(async () => ((await status())?.status === "offline" ? true : undefined));
  });

  it("answer superseded after a newer process has connected, and are refused for a disabled agent", async () => {
    await sendHeartbeat({ instance_id: "older" });
    expect((await sendHeartbeat({ instance_id: "newer" })).status).toBe(200);
    expect(await sendHeartbeat({ instance_id: "older" })).toMatchObject({
      status: 409,
      body: { type: "superseded" },
    });
    await target.registry.disable({ organizationId, agentId });
    expect((await sendHeartbeat({ instance_id: "newer" })).status).toBe(403);
    expect(await status()).toMatchObject({ status: "offline", reason: "revoked" });
  });
});

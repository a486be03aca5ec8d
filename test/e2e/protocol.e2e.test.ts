/** The wire protocol: refused logins, and malformed messages. */

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { audienceOf } from "../../core/login-claims";
import { BareClient, HandshakeRefused } from "../../testing/e2e/client";
import { openTarget, type Target } from "../../testing/e2e/target";
import { loginClaims, signToken, type TestKey, testKey } from "../../testing/login";

describe("the protocol", () => {
  const organizationId = `e2e-${randomUUID()}`;
  const other = `e2e-${randomUUID()}`;
  const agentId = "a1";
  let target: Target;
  let key: TestKey;
  let stranger: TestKey;
  let client: BareClient;

  beforeAll(async () => {
    target = openTarget();
    [key, stranger] = await Promise.all([testKey("ES256"), testKey("ES256")]);
    const { registry } = target;
    const publicKey = key.jwk as never;
    await registry.register({ organizationId, agentId, publicKey });
    await registry.register({ organizationId, agentId: "disabled", publicKey });
    await registry.disable({ organizationId, agentId: "disabled" });
    await registry.register({ organizationId, agentId: "viewer", publicKey, role: "viewer" });
    const foreign = stranger.jwk as never;
    await registry.register({ organizationId: other, agentId, publicKey: foreign });
    client = await connect();
  });
  beforeEach(async () => {
    expect(await client.ask({ type: "heartbeat" })).toMatchObject({ type: "heartbeat_ack" });
  });
  afterAll(async () => {
    await client.close();
    target.close();
  });

  const claims = (overrides: object = {}) =>
    loginClaims(audienceOf(target.url), Date.now(), { org: organizationId, ...overrides });
  const connect = (overrides: object = {}) =>
    BareClient.connect(target.url, key, claims(overrides));
  const seconds = () => Math.floor(Date.now() / 1000);

  async function refusalOf(protocols: string[]): Promise<HandshakeRefused> {
    const refusal = await BareClient.offer(target.url, protocols).then(
      () => new Error("the login was accepted"),
      (error: unknown) => error,
    );
    if (refusal instanceof HandshakeRefused) return refusal;
    throw refusal;
  }

  describe("refuses a login", () => {
    it("without a token with 401", async () => {
      expect(await refusalOf([])).toMatchObject({ statusCode: 401 });
    });

    const faults: [string, () => Promise<string>][] = [
      ["with another key", () => signToken(stranger, claims())],
      [
        "with another key under the agent's key id",
        () => signToken(stranger, claims(), { kid: key.keyId }),
      ],
      ["of an unknown agent", () => signToken(key, claims({ iss: "nobody", sub: "nobody" }))],
      ["of a disabled agent", () => signToken(key, claims({ iss: "disabled", sub: "disabled" }))],
      [
        "with an expired token",
        () => signToken(key, claims({ iat: seconds() - 200, exp: seconds() - 140 })),
      ],
      ["for another endpoint", () => signToken(key, claims({ aud: "wss://example.com/prod" }))],
      ["to another organization", () => signToken(key, claims({ org: other }))],
      ["with text that is no token", async () => "x.y.z"],
    ];

    it.each(faults)("%s with 403, and leaves no trace except in the log", async (_, make) => {
      const refusal = await refusalOf(["agent-heartbeat.v1", await make()]);
      expect(refusal.statusCode).toBe(403);
      // Ids are random letters, which may form words.
      const said = refusal.body.replace(/"(connectionId|requestId)":"[^"]*"/g, "");
      expect(said).not.toMatch(/unknown|disabled|key|expired|audience|agent-heartbeat/i);
      const [own, foreign] = await Promise.all(
        [organizationId, other].map((organization) =>
          target.statuses.listAgents({ organizationId: organization }),
        ),
      );
      expect(own?.agents).toEqual([expect.objectContaining({ agentId, status: "online" })]);
      expect(foreign?.agents).toEqual([]);
    });

    it("with a token that was used before with 403", async () => {
      const token = await signToken(key, claims({ iss: "viewer", sub: "viewer" }));
      const first = await BareClient.offer(target.url, ["agent-heartbeat.v1", token]);
      expect(await refusalOf(["agent-heartbeat.v1", token])).toMatchObject({ statusCode: 403 });
      await first.close();
    });

    it("of a second process with on_duplicate: reject with 409", async () => {
      const token = await signToken(key, claims({ instance_id: "second", on_duplicate: "reject" }));
      expect(await refusalOf(["agent-heartbeat.v1", token])).toMatchObject({ statusCode: 409 });
    });
  });

  it.each([
    ["no JSON", "{nonsense", "invalid_json"],
    ["JSON but no object", "[]", "invalid_json"],
    ["an object without a type", "{}", "invalid_message"],
    ["a type that is no text", '{"type":{}}', "invalid_message"],
    ["a type that nobody knows", '{"type":"hello"}', "unknown_type"],
    ["the type of a system route", '{"type":"$connect"}', "unknown_type"],
    ["a field of the wrong type", '{"type":"heartbeat","activity":1}', "invalid_message"],
    ["a page of the wrong size", '{"type":"list","limit":-1}', "invalid_message"],
    ["a cursor of no list", '{"type":"list","cursor":"zzz"}', "invalid_message"],
  ])("answers %s with an error, and keeps the connection open", async (_, frame, code) => {
    expect(await client.ask(frame)).toMatchObject({
      type: "error",
      code,
      message: expect.any(String),
    });
  });

  it("closes a connection that sends 200 KB with 1009, and one that sends bytes with 1003", async () => {
    const [large, binary] = await Promise.all([
      connect({ iss: "viewer", sub: "viewer" }),
      connect({ iss: "viewer", sub: "viewer" }),
    ]);
    large.send(JSON.stringify({ type: "heartbeat", padding: "x".repeat(200_000) }));
    binary.send(Buffer.from([1, 2, 3]));
    expect(await large.closed).toBe(1009);
    expect(await binary.closed).toBe(1003);
  });

  it("lists the agents of the viewer's organization, page by page", async () => {
    const viewer = await connect({ iss: "viewer", sub: "viewer" });
    const page = await viewer.ask({ type: "list", status: "online", id: "l1" });
    expect(page).toMatchObject({
      type: "agents",
      id: "l1",
      cursor: null,
      agents: [expect.objectContaining({ agentId, status: "online", reason: null })],
    });
    expect(await viewer.ask({ type: "list", status: "offline" })).toMatchObject({ agents: [] });
    expect(await viewer.ask({ type: "heartbeat" })).toMatchObject({ type: "heartbeat_ack" });
    await viewer.close();
  });

  it("raises an interval below the bounds to the shortest one, and reports it in the ack", async () => {
    await target.registry.register({
      organizationId: other,
      agentId: "hasty",
      publicKey: stranger.jwk as never,
    });
    const hasty = await BareClient.connect(target.url, stranger, {
      org: other,
      iss: "hasty",
      sub: "hasty",
      heartbeat_interval: 1,
      heartbeat_timeout: 3,
    });
    const ack = await hasty.ask({ type: "heartbeat" });
    expect(ack.heartbeatInterval).toBe(5);
    expect(Number(ack.leaseExpiresAt) - Number(ack.serverTime)).toBe(15_000);
    await hasty.close();
    await target.registry.remove({ organizationId: other, agentId: "hasty" });
  });
});

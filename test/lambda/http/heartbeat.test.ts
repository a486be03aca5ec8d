/** Heartbeats over HTTP, against a real table: their responses, and the resulting row. */

import { derivePresence } from "@agent-heartbeat/sdk/status";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { isHttpConnection, openConnections } from "../../../core/row-connections";
import { dynamoDbLoginRegistry } from "../../../lambda/authorize/store";
import { heartbeatRoutes } from "../../../lambda/http/heartbeat";
import { type HttpEvent, MAX_BODY_BYTES } from "../../../lambda/http/request";
import { router } from "../../../lambda/http/router";
import { LeaseStore } from "../../../lambda/lease/store";
import { revoke } from "../../../sdk/src/registry/revocation";
import { DynamoDbClock } from "../../../sdk/src/status/dynamodb-clock";
import { type Engine, startEngine } from "../../../testing/engine";
import { httpEvent } from "../../../testing/http";
import {
  DEFAULT_TERMS,
  loginClaims,
  putAgent,
  signToken,
  type TestKey,
  testKey,
} from "../../../testing/login";
import { holder, LogRecorder, MetricsRecorder, storedRow } from "../../../testing/presence";

const HOST = "abc.lambda-url.eu-west-1.on.aws";
const START = 1_790_000_000_000;

describe("a heartbeat over HTTP", () => {
  let engine: Engine;
  let leases: LeaseStore;
  let key: TestKey;
  let handle: (
    event: HttpEvent,
  ) => Promise<{ statusCode: number; body?: string; headers?: object }>;
  let agentId: string;
  let count = 0;
  let now: number;
  const metrics = new MetricsRecorder();
  beforeAll(async () => {
    engine = await startEngine();
    key = await testKey();
    const { client } = engine;
    leases = new LeaseStore({
      client,
      tableName: engine.statusTableName,
      retentionMs: 86_400_000,
    });
    const common = { log: new LogRecorder(), metrics: metrics.sink };
    handle = router(
      heartbeatRoutes({
        registry: dynamoDbLoginRegistry(engine),
        terms: DEFAULT_TERMS,
        leases,
        customUrl: "https://beats.example.com",
        ...common,
      }),
      common,
    );
  });
  afterAll(() => engine.stop());
  beforeEach(async () => {
    count += 1;
    agentId = `agent-${count}`;
    now = START;
    await putAgent(engine.client, engine.registryTableName, [key], { agentId });
  });

  const claims = (overrides: object = {}) => ({
    ...loginClaims(`https://${HOST}`, now, { iss: agentId, sub: agentId }),
    iat: now / 1000,
    exp: now / 1000 + 60,
    ...overrides,
  });
  const token = (overrides: object = {}) => signToken(key, claims(overrides));
  const ask = async (given: Partial<Parameters<typeof httpEvent>[0]> = {}) => {
    const bearer = given.token ?? (await token());
    const result = await handle(httpEvent({ domainName: HOST, now, ...given, token: bearer }));
    return { ...result, body: result.body === undefined ? undefined : JSON.parse(result.body) };
  };
  const beat = async (overrides: object = {}, body?: unknown) =>
    ask({
      token: await token(overrides),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const leave = async (overrides: object = {}) =>
    ask({ method: "DELETE", token: await token(overrides) });
  const row = () =>
    storedRow(engine.client, engine.statusTableName, { organizationId: "acme", agentId });
  const presence = async (at = now) => {
    const stored = await row();
    return stored && derivePresence(stored, at);
  };
  const connect = (overrides: object = {}) =>
    leases.acquire(holder({ agentId, connectedAt: now, ...overrides }), now);

  it("brings an agent online, and is acknowledged with the end of its lease", async () => {
    expect(await beat()).toMatchObject({
      statusCode: 200,
      body: { type: "heartbeat_ack", serverTime: START, leaseExpiresAt: START + 90_000 },
      headers: { "Content-Type": "application/json", "Cache-Control": "no-store" },
    });
    const stored = await row();
    expect(stored && isHttpConnection(stored.connectionId)).toBe(true);
    expect(stored && openConnections(stored)).toEqual([]);
    expect(await presence()).toMatchObject({ status: "online", since: START });
    expect(await presence(START + 90_000)).toMatchObject({
      status: "offline",
      reason: "lease_expired",
    });
  });

  it("renews the lease, stores the activity, and changes nothing else", async () => {
    await beat();
    const first = await row();
    now += 30_000;
    const activity = { state: "working", task: "tasks.process" };
    expect((await beat({}, { activity })).body.leaseExpiresAt).toBe(now + 90_000);
    expect(await row()).toMatchObject({
      activity,
      onlineSince: START,
      connectionId: first?.connectionId,
      connections: first?.connections,
    });
    now += 30_000;
    await beat();
    expect(await row()).not.toHaveProperty("activity");
  });

  it("stores the activity from the first heartbeat on", async () => {
    const activity = { state: "working", maxSilenceMs: 1000, startedAt: START };
    await beat({}, { activity });
    expect(await row()).toMatchObject({ activity, stallsAt: START + 32_000 });
  });

  it("advises the interval where the deployment requires another one", async () => {
    expect((await beat({ heartbeat_interval: 1 })).body.heartbeatInterval).toBe(5);
  });

  it("is accepted for the custom domain", async () => {
    expect((await beat({ aud: "https://beats.example.com" })).statusCode).toBe(200);
  });

  it("is refused without a token, whatever the body is", async () => {
    const event = httpEvent({ domainName: HOST, now, body: "nonsense" });
    for (const authorization of [undefined, "", "Basic YTpi", "Bearer", "Bearer a b"]) {
      const result = await handle({ ...event, headers: { authorization } });
      expect(result).toMatchObject({ statusCode: 401, headers: { "WWW-Authenticate": "Bearer" } });
    }
  });

  it.each([
    ["another URL's token", { aud: "https://other.lambda-url.eu-west-1.on.aws" }],
    ["a WebSocket's token", { aud: `wss://${HOST}` }],
    ["an unknown agent", { iss: "nobody", sub: "nobody" }],
    ["another organization", { org: "other" }],
    ["a token of the future", { iat: START / 1000 + 60, exp: START / 1000 + 120 }],
    ["an expired token", { iat: START / 1000 - 120, exp: START / 1000 - 60 }],
  ])("is refused for %s, and writes nothing", async (_, overrides) => {
    expect(await beat(overrides)).toMatchObject({
      statusCode: 403,
      body: { message: "The token is not accepted" },
    });
    expect(await row()).toBeUndefined();
  });

  it("is refused to viewers and publishers, who have no presence", async () => {
    for (const role of ["viewer", "publisher"]) {
      await putAgent(engine.client, engine.registryTableName, [key], { agentId, role });
      expect((await beat()).statusCode).toBe(403);
    }
    expect(await row()).toBeUndefined();
  });

  it.each([
    ["text", "nonsense", "The body: expected a JSON object, got text that is not JSON"],
    ["a list", "[]", "The body: expected a JSON object, got an array"],
    ["no activity", '{"activity":5}', "The body: activity: expected Object, got 5"],
    ["a state that there is none of", '{"activity":{"state":"x"}}', /^The body: activity.state/],
    ["deep nesting", `${'{"a":'.repeat(100)}1${"}".repeat(100)}`, /levels of nesting/],
  ])("is refused for a body of %s, and writes nothing", async (_, body, message) => {
    const answer = await ask({ body });
    expect(answer.statusCode).toBe(400);
    expect(answer.body.message).toMatch(message);
    expect(await row()).toBeUndefined();
  });

  it("takes a body in Base64, and refuses one that is no text, or too large", async () => {
    const body = Buffer.from('{"activity":{"state":"idle"}}').toString("base64");
    expect((await ask({ body, isBase64Encoded: true })).statusCode).toBe(200);
    now += 1000;
    const bytes = { body: Buffer.from([0xff, 0xfe]).toString("base64"), isBase64Encoded: true };
    expect((await ask(bytes)).statusCode).toBe(400);
    expect((await ask({ body: "x".repeat(MAX_BODY_BYTES + 1) })).statusCode).toBe(413);
    expect((await ask({ body: `{}${" ".repeat(MAX_BODY_BYTES - 2)}` })).statusCode).toBe(200);
  });

  it.each(["/heartbeat", "/heartbeat/"])("is at %s", async (path) => {
    expect((await ask({ path })).statusCode).toBe(200);
  });

  it.each(["/", "/heartbeats", "/heartbeat/x", "/Heartbeat", "//heartbeat", "/%zz", "/__proto__"])(
    "is not at %s",
    async (path) => {
      expect((await ask({ path })).statusCode).toBe(404);
    },
  );

  it.each(["GET", "HEAD", "PUT", "PATCH", "OPTIONS", "constructor"])(
    "is not a %s",
    async (method) => {
      expect(await ask({ method })).toMatchObject({
        statusCode: 405,
        headers: { Allow: "POST, DELETE" },
      });
    },
  );

  it("is refused beyond its rate", async () => {
    const statuses: number[] = [];
    for (let beats = 0; beats < 52; beats++) {
      statuses.push((await beat({ iat: now / 1000 + beats / 1000 })).statusCode);
    }
    expect(statuses.slice(0, 50)).toEqual(Array.from({ length: 50 }, () => 200));
    expect(statuses.slice(50)).toEqual([429, 429]);
  });

  describe("uses each token once", () => {
    it("in the order in which they were made", async () => {
      const first = await token();
      now += 1;
      const second = await token();
      now += 1;
      expect((await ask({ token: second })).statusCode).toBe(200);
      for (const again of [second, first])
        expect((await ask({ token: again })).statusCode).toBe(403);
      expect((await beat()).statusCode).toBe(200);
    });

    it("and by one of many requests at once", async () => {
      const shared = await token();
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask({ token: shared })));
      const accepted = answers.filter(({ statusCode }) => statusCode === 200);
      expect(accepted).toHaveLength(1);
    });

    it("for a heartbeat or to leave", async () => {
      await beat();
      now += 1000;
      const used = await token();
      expect((await ask({ token: used })).statusCode).toBe(200);
      expect((await ask({ token: used, method: "DELETE" })).statusCode).toBe(403);
      now += 1000;
      const left = await token();
      expect((await ask({ token: left, method: "DELETE" })).statusCode).toBe(204);
      now += 1000;
      expect((await ask({ token: left })).statusCode).toBe(403);
      expect(await presence()).toMatchObject({ status: "offline", reason: "client_closed" });
    });

    it("also after another process has come and gone", async () => {
      const first = await token();
      await ask({ token: first });
      now += 1000;
      await beat({ instance_id: "process-b" });
      now += 1000;
      expect((await leave({ instance_id: "process-b" })).statusCode).toBe(204);
      now += 1000;
      expect((await ask({ token: first })).statusCode).toBe(403);
      expect(await presence()).toMatchObject({ status: "offline" });
    });

    it("also after the agent was disabled and enabled", async () => {
      const used = await token();
      await ask({ token: used });
      const clock = new DynamoDbClock(() => now);
      clock.watch = (command) => command;
      const { client, statusTableName: tableName, registryTableName } = engine;
      const name = { organizationId: "acme", agentId };
      await revoke({ client, tableName, clock }, name, now);
      now += 1000;
      expect((await beat()).statusCode).toBe(403);
      await putAgent(client, registryTableName, [key], { agentId, revokedAt: now - 1000 });
      expect((await ask({ token: used })).statusCode).toBe(403);
      now += 2000;
      expect((await beat()).statusCode).toBe(200);
    });
  });

  describe("of a process", () => {
    it("receives superseded when a newer one has taken over, and does not disturb that one", async () => {
      await beat();
      now += 1000;
      expect((await beat({ instance_id: "process-b" })).statusCode).toBe(200);
      now += 1000;
      expect(await beat()).toMatchObject({ statusCode: 409, body: { type: "superseded" } });
      now += 1000;
      expect((await beat({ instance_id: "process-b" })).statusCode).toBe(200);
      expect(await presence()).toMatchObject({ status: "online", instanceId: "process-b" });
      now += 1000;
      expect((await leave({ instance_id: "process-b" })).statusCode).toBe(204);
      now += 1000;
      expect((await beat()).statusCode).toBe(200);
    });

    it("is refused as a duplicate if it uses on_duplicate: reject", async () => {
      await connect({ instanceId: "process-b" });
      now += 1000;
      expect(await beat({ on_duplicate: "reject" })).toMatchObject({
        statusCode: 409,
        body: { type: "duplicate" },
      });
      expect(await presence()).toMatchObject({ status: "online", instanceId: "process-b" });
    });

    it("renews the lease of its WebSocket, which ends the agent at once", async () => {
      await connect();
      now += 30_000;
      expect((await beat()).statusCode).toBe(200);
      const stored = await row();
      expect(stored).toMatchObject({ connectionId: "A=", leaseExpiresAt: now + 90_000 });
      expect(stored && openConnections(stored)).toEqual(["A="]);
      now += 1000;
      expect(await leave()).toMatchObject({ statusCode: 409, body: { type: "connected" } });
      const { release } = leases;
      await release.call(leases, holder({ agentId }), now, "connection_lost");
      expect(await presence()).toMatchObject({ status: "offline", reason: "connection_lost" });
    });

    it("continues over HTTP after its WebSocket has ended, but a late heartbeat does not bring it back", async () => {
      await connect();
      now += 1000;
      const late = await token();
      await leases.release(holder({ agentId }), now + 100, "connection_lost");
      expect(await ask({ token: late })).toMatchObject({
        statusCode: 503,
        headers: { "Retry-After": "2" },
      });
      expect(await presence()).toMatchObject({ status: "offline" });
      now += 3000;
      expect((await beat()).statusCode).toBe(200);
      expect(await presence()).toMatchObject({ status: "online" });
    });

    it("that connects afterwards has its WebSocket in place of the placeholder", async () => {
      await beat();
      now += 1000;
      for (const rotation of [false, true]) {
        const connectionId = `B${rotation}=`;
        expect(await connect({ connectionId, rotation })).toBe("acquired");
        const stored = await row();
        expect([...(stored?.connections ?? [])]).toHaveLength(rotation ? 2 : 1);
        now += 1000;
      }
    });

    it("that connects with a rotation is not kept online by the placeholder", async () => {
      await beat();
      now += 1000;
      const webSocket = { connectionId: "B=", rotation: true };
      expect(await connect(webSocket)).toBe("acquired");
      now += 1000;
      await leases.release(holder({ agentId, ...webSocket }), now, "connection_lost");
      expect(await presence()).toMatchObject({ status: "offline", reason: "connection_lost" });
    });

    it("leaves at once, and may come back", async () => {
      await beat();
      now += 10;
      expect(await leave()).toMatchObject({ statusCode: 204 });
      expect(await presence()).toMatchObject({ status: "offline", since: now });
      now += 10;
      expect((await leave()).statusCode).toBe(204);
      now += 10;
      expect((await beat()).statusCode).toBe(200);
      now += 10;
      expect(
        (await ask({ method: "DELETE", query: "reason=drained", token: await token() })).statusCode,
      ).toBe(204);
      expect(await presence()).toMatchObject({ status: "offline", reason: "drained" });
    });
  });
});

/** Ping URLs of jobs, against a real table: the responses, and the resulting job. */

import { AgentRegistry, type JobTerms } from "@agent-heartbeat/sdk/registry";
import { type AgentPresence, StatusReader } from "@agent-heartbeat/sdk/status";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { newPingSecret } from "../../../core/ping-secret";
import { LoginRefused, login } from "../../../lambda/authorize/login";
import { dynamoDbLoginRegistry } from "../../../lambda/authorize/store";
import { pingRoutes } from "../../../lambda/http/ping";
import { router } from "../../../lambda/http/router";
import { LeaseStore } from "../../../lambda/lease/store";
import { type Engine, startEngine } from "../../../testing/engine";
import { httpEvent } from "../../../testing/http";
import { DEFAULT_TERMS, loginClaims, signToken, testKey } from "../../../testing/login";
import { LogRecorder, MetricsRecorder } from "../../../testing/presence";

const HOST = "abc.lambda-url.eu-west-1.on.aws";
const START = Math.floor(Date.now() / 1000) * 1000;
const HOUR = 3_600_000;
const TERMS: JobTerms = { everyMs: HOUR, graceMs: 600_000, maxRunMs: 1_200_000 };

describe("a ping", () => {
  let engine: Engine;
  let registry: AgentRegistry;
  let handle: ReturnType<typeof router>;
  let log: LogRecorder;
  let name: { organizationId: string; agentId: string };
  let secret: string;
  let now: number;
  let count = 0;
  beforeAll(async () => {
    engine = await startEngine();
    registry = new AgentRegistry(engine);
  });
  afterAll(() => engine.stop());
  beforeEach(async () => {
    count += 1;
    now = START;
    name = { organizationId: "acme", agentId: `job-${count}` };
    secret = (await registry.registerJob({ ...name, job: TERMS })).pingSecret;
    log = new LogRecorder();
    const { client, statusTableName: tableName } = engine;
    const common = { log, metrics: new MetricsRecorder().sink };
    handle = router(
      pingRoutes({
        registry: dynamoDbLoginRegistry(engine),
        leases: new LeaseStore({ client, tableName, retentionMs: 86_400_000 }),
        ...common,
      }),
      common,
    );
  });

  const ask = async (path: string, method = "GET") =>
    (await handle(httpEvent({ domainName: HOST, now, method, path }))).statusCode;
  const ping = (signal = "", method?: string) => ask(`/ping/${secret}${signal}`, method);
  /** As readers see it at a time. */
  const status = (at = now): Promise<AgentPresence | undefined> => {
    const { client, statusTableName: tableName } = engine;
    const reader = new StatusReader({ client, tableName, now: () => at, correctClock: false });
    return reader.getAgent(name.organizationId, name.agentId);
  };

  it.each(["GET", "HEAD", "POST"])(
    "by %s keeps its job online until the next one is due, with grace",
    async (method) => {
      expect(await status()).toBeUndefined();
      expect(await ping("", method)).toBe(200);
      const due = START + HOUR + 600_000;
      expect(await status()).toMatchObject({ status: "online", leaseExpiresAt: due });
      expect(await status(due - 1)).toMatchObject({ status: "online" });
      expect(await status(due)).toMatchObject({
        status: "offline",
        reason: "lease_expired",
        since: due,
      });
      now = due + 5 * HOUR;
      expect(await ping("", method)).toBe(200);
      expect(await status()).toMatchObject({ status: "online", since: now });
    },
  );

  it("at a start shows the job as working, and as stalled after its longest run", async () => {
    await ping("/start");
    expect(await status()).toMatchObject({ status: "online", activity: { state: "working" } });
    expect(await status(START + 1_199_000)).toMatchObject({ stalledSince: null });
    expect(await status(START + 1_201_000)).toMatchObject({
      status: "online",
      stalledSince: START + 1_200_000,
    });
    now += 600_000;
    await ping();
    expect(await status(START + 1_300_000)).toMatchObject({
      stalledSince: null,
      activity: { state: "idle" },
    });
  });

  it.each([
    ["/fail", "it said that it failed"],
    ["/3", "exit status 3"],
    ["/255", "exit status 255"],
  ])("%s reports that the run has failed, until one succeeds", async (signal, note) => {
    await ping();
    now += 1000;
    expect(await ping(signal)).toBe(200);
    expect(await status()).toMatchObject({
      status: "offline",
      reason: "failed",
      since: now,
      activity: { note },
    });
    now += 1000;
    expect(await ping("/0")).toBe(200);
    expect(await status()).toMatchObject({ status: "online", activity: { state: "idle" } });
  });

  it("that reports a failure as the first one also stores the job", async () => {
    expect(await ping("/1")).toBe(200);
    expect(await status()).toMatchObject({ status: "offline", reason: "failed" });
  });

  it("counts also if the clock of its host is behind that of the one before", async () => {
    await ping("/start");
    now -= 1900;
    expect(await ping()).toBe(200);
    expect(await status(START)).toMatchObject({ activity: { state: "idle" } });
  });

  it.each(["/stop", "/256", "/-1", "/1.5", "/start/again", "/START", "/%00", "/1e2"])(
    "with %s is answered that there is nothing",
    async (signal) => {
      expect(await ping(signal)).toBe(404);
      expect(await status()).toBeUndefined();
    },
  );

  it("with a wrong secret, or that of another job, gets the same response", async () => {
    const { pingSecret } = await registry.registerJob({
      organizationId: "globex",
      agentId: name.agentId,
      job: TERMS,
    });
    const [, , other] = pingSecret.split(".");
    const [organization, agent, own] = secret.split(".");
    const wrong = [
      newPingSecret("acme", name.agentId),
      newPingSecret("acme", "nobody"),
      `${organization}.${agent}.${other}`,
      `${Buffer.from("globex").toString("base64url")}.${agent}.${own}`,
      `${organization}.${agent}.${own?.toLowerCase()}x`,
      `${organization}.${agent}.${own}.${own}`,
      "x",
      "x".repeat(5000),
      "..%2f..%2fheartbeat",
      encodeURIComponent("💣".repeat(100)),
    ];
    const answers = new Set<string>();
    for (const text of wrong) {
      const { statusCode, body, headers } = await handle(
        httpEvent({ domainName: HOST, now, method: "GET", path: `/ping/${text}` }),
      );
      answers.add(JSON.stringify([statusCode, body, headers]));
    }
    expect([...answers]).toEqual([expect.stringContaining("404")]);
    expect(await status()).toBeUndefined();
    expect(JSON.stringify(log.lines)).not.toContain(own);
  });

  it("of an agent that is no job is refused, and a job can't log in", async () => {
    const key = await testKey();
    const agentId = `agent-${count}`;
    await registry.register({ organizationId: "acme", agentId, publicKey: key.jwk as never });
    expect(await ask(`/ping/${newPingSecret("acme", agentId)}`)).toBe(404);
    const asJob = { organizationId: "acme", agentId: `own-${count}`, job: TERMS } as const;
    await registry.register({ ...asJob, role: "job", publicKey: key.jwk as never });
    const audience = "wss://example.com/prod";
    const claims = loginClaims(audience, now, { iss: asJob.agentId, sub: asJob.agentId });
    const refused = login(await signToken(key, claims), [audience], now, {
      registry: dynamoDbLoginRegistry(engine),
      terms: DEFAULT_TERMS,
    });
    await expect(refused).rejects.toThrow(LoginRefused);
  });

  it("is refused at once when its job is disabled, and accepted when it is enabled again", async () => {
    await ping();
    await registry.disable(name);
    expect(await ping()).toBe(404);
    expect(await status()).toMatchObject({ status: "offline", reason: "revoked" });
    await registry.enable(name);
    now = Date.now() + 1000;
    expect(await ping()).toBe(200);
    expect(await status()).toMatchObject({ status: "online" });
  });

  it("with a secret that was replaced is refused at once, and with the new one accepted", async () => {
    await ping();
    const { pingSecret } = await registry.replacePing(name);
    now = Date.now() + 1000;
    expect(await ping()).toBe(404);
    secret = pingSecret;
    expect(await ping()).toBe(200);
    expect(await status()).toMatchObject({ status: "online" });
  });

  it("of a job that was removed is refused, and its status is gone", async () => {
    await ping();
    await registry.remove(name);
    expect(await ping()).toBe(404);
    expect(await status()).toBeUndefined();
  });

  it("beyond its rate is answered with when to try again", async () => {
    const answers = [];
    for (let index = 0; index < 51; index++) answers.push(await ping());
    expect(answers.slice(0, 50).every((code) => code === 200)).toBe(true);
    expect(answers.at(-1)).toBe(429);
  });
});

describe("a registration", () => {
  it("needs valid terms for a job, and refuses them for other agents", async () => {
    const engine = await startEngine();
    try {
      const registry = new AgentRegistry(engine);
      const name = { organizationId: "acme", agentId: "a" };
      const publicKey = (await testKey()).jwk as never;
      await expect(registry.registerJob({ ...name, job: { graceMs: 1 } })).rejects.toThrow("job:");
      await expect(registry.register({ ...name, publicKey, role: "job" })).rejects.toThrow("role");
      await expect(registry.register({ ...name, publicKey, job: TERMS })).rejects.toThrow("role");
      await registry.register({ ...name, publicKey });
      await expect(registry.replacePing(name)).rejects.toThrow("expected a job");
      await expect(registry.registerJob({ ...name, job: TERMS })).rejects.toThrow("registered yet");
    } finally {
      await engine.stop();
    }
  });
});

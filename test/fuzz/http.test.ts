/** The HTTP endpoint with hostile tokens, paths, headers and bodies, on the real engine. */

import { AgentRegistry } from "@agent-heartbeat/sdk/registry";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { dynamoDbLoginRegistry } from "../../lambda/authorize/store";
import { dynamoDbEnrolmentStore } from "../../lambda/enrol/store";
import { enrolRoutes } from "../../lambda/http/enrol";
import { heartbeatRoutes } from "../../lambda/http/heartbeat";
import { pingRoutes } from "../../lambda/http/ping";
import type { HttpEvent, HttpResult } from "../../lambda/http/request";
import { router } from "../../lambda/http/router";
import { LeaseStore } from "../../lambda/lease/store";
import { type Engine, startEngine } from "../../testing/engine";
import { NO_STS } from "../../testing/enrolments";
import { hostileClaims } from "../../testing/fuzz/claims";
import { runs } from "../../testing/fuzz/runs";
import { binaryText, hostileText, hostileValue } from "../../testing/fuzz/values";
import { httpEvent } from "../../testing/http";
import {
  DEFAULT_TERMS,
  loginClaims,
  putAgent,
  signToken,
  type TestKey,
  testKey,
} from "../../testing/login";
import { LogRecorder, MetricsRecorder, storedRow } from "../../testing/presence";

const HOST = "abc.lambda-url.eu-west-1.on.aws";
/** Of an enrolment that does not exist. */
const ENROLMENT = `Bearer ahe_YWNtZQ.${"0".repeat(16)}.${"a".repeat(43)}`;
const RUNS = runs(200);

describe("a hostile request", () => {
  let engine: Engine;
  let key: TestKey;
  let neighbour: TestKey;
  let stranger: TestKey;
  let handle: (event: HttpEvent) => Promise<HttpResult>;
  let pingSecret: string;
  const log = new LogRecorder();
  const metrics = new MetricsRecorder();
  let now = 1_790_000_000_000;

  beforeAll(async () => {
    engine = await startEngine();
    const { client, registryTableName, statusTableName: tableName } = engine;
    [key, neighbour, stranger] = await Promise.all([testKey(), testKey("ES256"), testKey()]);
    await putAgent(client, registryTableName, [key]);
    await putAgent(client, registryTableName, [neighbour], { agentId: "a2" });
    await putAgent(client, registryTableName, [key], { agentId: "off", enabled: false });
    await putAgent(client, registryTableName, [stranger], { organizationId: "other" });
    const common = { log, metrics: metrics.sink };
    const routes = heartbeatRoutes({
      registry: dynamoDbLoginRegistry(engine),
      terms: DEFAULT_TERMS,
      leases: new LeaseStore({ client, tableName, retentionMs: 86_400_000 }),
      ...common,
    });
    const leases = new LeaseStore({ client, tableName, retentionMs: 86_400_000 });
    const pings = pingRoutes({ registry: dynamoDbLoginRegistry(engine), leases, ...common });
    const enrolments = dynamoDbEnrolmentStore(engine);
    const enrols = enrolRoutes({ enrolments, ask: NO_STS.ask, ...common });
    handle = router({ ...routes, ...pings, ...enrols }, common);
    const job = { everyMs: 3_600_000, graceMs: 60_000 };
    const name = { organizationId: "acme", agentId: "backup" };
    ({ pingSecret } = await new AgentRegistry(engine).registerJob({ ...name, job }));
  });
  afterAll(() => engine.stop());

  const claims = (overrides: object = {}) => ({
    ...loginClaims(`https://${HOST}`, now),
    iat: now / 1000,
    exp: now / 1000 + 60,
    ...overrides,
  });
  const ask = (given: Partial<Parameters<typeof httpEvent>[0]> = {}) =>
    handle(httpEvent({ domainName: HOST, now, ...given }));
  /** The row as a text, whatever the order of its attributes. */
  const rowOf = async (organizationId: string, agentId: string) => {
    const name = { organizationId, agentId };
    const row = (await storedRow(engine.client, engine.statusTableName, name)) ?? {};
    const plain = Object.entries(row).map(([attribute, value]) => [
      attribute,
      value instanceof Set ? [...value].sort() : value,
    ]);
    return JSON.stringify(plain.sort());
  };
  const later = (ms = 2000) => {
    now += ms;
  };

  it("to ping URLs guesses nothing, changes nothing, and is not repeated in the log", async () => {
    const before = await rowOf("acme", "backup");
    const [organization, agent, secret = ""] = pingSecret.split(".");
    const flipped = fc
      .nat({ max: secret.length - 1 })
      .map(
        (at) => `${secret.slice(0, at)}${secret[at] === "A" ? "B" : "A"}${secret.slice(at + 1)}`,
      );
    const guess = fc.oneof(
      flipped.map((text) => `${organization}.${agent}.${text}`),
      hostileText.map((text) => `${organization}.${agent}.${text}`),
      hostileText.map(
        (text) => `${organization}.${Buffer.from(text).toString("base64url")}.${secret}`,
      ),
      hostileText.map((text) => `${Buffer.from(text).toString("base64url")}.${agent}.${secret}`),
      hostileText,
      hostileText.map((text) => encodeURIComponent(text.toWellFormed())),
    );
    const signal = fc.oneof(fc.constantFrom("", "/start", "/fail", "/0", "/1"), hostileText);
    await fc.assert(
      fc.asyncProperty(
        guess,
        signal,
        fc.constantFrom("GET", "HEAD", "POST"),
        async (text, sign, method) => {
          const path = `/ping/${text}${sign.startsWith("/") || sign === "" ? sign : `/${sign}`}`;
          const { statusCode } = await ask({ method, path, body: text });
          expect([404, 405]).toContain(statusCode);
        },
      ),
      { numRuns: RUNS },
    );
    expect(await rowOf("acme", "backup")).toBe(before);
    expect(JSON.stringify(log.lines)).not.toContain(secret);
  });

  const hostileOwnClaims = () =>
    hostileClaims([`https://${HOST}`, "https://evil.example"]).map((overrides) =>
      claims(overrides),
    );

  it("with a valid signature renews no lease but its own agent's", async () => {
    const owners = new Map([
      [key.keyId, ["acme", "a1"]],
      [neighbour.keyId, ["acme", "a2"]],
      [stranger.keyId, ["other", "a1"]],
    ]);
    const all = [...owners.values(), ["acme", "off"], ["acme", "nobody"]] as [string, string][];
    const stateOf = () =>
      Promise.all(all.map(async ([organization, agent]) => await rowOf(organization, agent)));
    const property = fc.asyncProperty(
      fc.constantFrom(key, neighbour, stranger),
      hostileOwnClaims(),
      fc.constantFrom("POST", "DELETE"),
      async (signer, payload, method) => {
        later();
        const before = await stateOf();
        const { statusCode } = await ask({ token: await signToken(signer, payload), method });
        const after = await stateOf();
        expect([200, 204, 401, 403, 409, 503]).toContain(statusCode);
        const [organization, agent] = owners.get(signer.keyId) ?? [];
        const changed = all.filter((_, index) => before[index] !== after[index]);
        expect(changed.every(([org, id]) => org === organization && id === agent)).toBe(true);
        if (statusCode === 401 || statusCode === 403) expect(changed).toEqual([]);
      },
    );
    await fc.assert(property, { numRuns: RUNS });
  });

  it("without the private key is refused, and writes nothing", async () => {
    const before = await rowOf("acme", "a1");
    const encoded = (value: unknown) =>
      Buffer.from(JSON.stringify(value) ?? "").toString("base64url");
    const forged = fc
      .tuple(
        fc.record({ alg: fc.constantFrom("none", "HS256", "EdDSA"), kid: fc.constant(key.keyId) }),
        fc.oneof(hostileOwnClaims(), hostileValue),
        binaryText(40),
      )
      .map(
        ([header, payload, text]) =>
          `${encoded(header)}.${encoded(payload)}.${Buffer.from(text).toString("base64url")}`,
      );
    const property = fc.asyncProperty(fc.oneof(forged, hostileText), async (token) => {
      expect([401, 403]).toContain((await ask({ token })).statusCode);
    });
    await fc.assert(property, { numRuns: RUNS });
    expect(await rowOf("acme", "a1")).toBe(before);
  });

  it("of any path, method, header and body is answered, and never with a failure of the service", async () => {
    const property = fc.asyncProperty(
      fc.record({
        rawPath: fc.oneof(
          fc.constantFrom(
            "/heartbeat",
            "/heartbeat/",
            "/enrol",
            "/enrol/",
            `/ping/${"a".repeat(9000)}`,
          ),
          fc.constantFrom(
            "/ping/",
            "/ping//",
            "/ping/YQ.YQ.YQ",
            "/ping/%",
            "/ping/__proto__/start",
          ),
          hostileText,
        ),
        rawQueryString: hostileText,
        headers: fc.dictionary(
          fc.oneof(fc.constantFrom("authorization", "__proto__", "content-type"), hostileText),
          fc.oneof(fc.constantFrom("Bearer a.b.c", "Bearer ", "bearer  x", ENROLMENT), hostileText),
        ),
        body: fc.option(hostileText, { nil: undefined }),
        isBase64Encoded: fc.boolean(),
      }),
      fc.oneof(fc.constantFrom("POST", "DELETE", "GET", "toString", "__proto__"), hostileText),
      async (request, method) => {
        const event = httpEvent({ domainName: HOST, now, method });
        const { statusCode, headers } = await handle({ ...event, ...request } as HttpEvent);
        expect([400, 401, 403, 404, 405, 413]).toContain(statusCode);
        expect(headers?.["Cache-Control"]).toBe("no-store");
      },
    );
    await fc.assert(property, { numRuns: RUNS });
    expect(metrics.counts).not.toHaveProperty("RouteFailures");
  });

  it("with any body of JSON is accepted with its activity, or refused as a whole", async () => {
    const body = fc.oneof(
      fc.json(),
      fc.record({ activity: hostileValue }).map((value) => JSON.stringify(value)),
    );
    const property = fc.asyncProperty(body, async (text) => {
      later();
      const before = await rowOf("acme", "a1");
      const { statusCode } = await ask({ token: await signToken(key, claims()), body: text });
      expect([200, 400, 413]).toContain(statusCode);
      if (statusCode !== 200) expect(await rowOf("acme", "a1")).toBe(before);
    });
    await fc.assert(property, { numRuns: RUNS });
  });

  it("that repeats any earlier one changes nothing, in whatever order and however many at once", async () => {
    const sent: string[] = [];
    for (let count = 0; count < 10; count++) {
      later();
      const token = await signToken(key, claims({ instance_id: `process-${count % 3}` }));
      sent.push(token);
      await ask({ token });
    }
    const before = await rowOf("acme", "a1");
    const property = fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom(...sent), fc.constantFrom("POST", "DELETE")), {
        minLength: 1,
        maxLength: 8,
      }),
      async (repeated) => {
        const answers = await Promise.all(
          repeated.map(([token, method]) => ask({ token, method })),
        );
        for (const { statusCode } of answers) expect([403, 409, 429]).toContain(statusCode);
        expect(await rowOf("acme", "a1")).toBe(before);
      },
    );
    await fc.assert(property, { numRuns: Math.min(RUNS, 100) });
  });

  it("costs the same reads and no write, whether or not the agent exists", async () => {
    for (const [signer, overrides] of [
      [key, { iss: "nobody", sub: "nobody" }],
      [key, { org: "nowhere" }],
      [neighbour, {}],
      [key, { iss: "off", sub: "off" }],
    ] as const) {
      const answer = await ask({ token: await signToken(signer, claims(overrides)) });
      expect([answer.statusCode, answer.body]).toEqual([
        403,
        JSON.stringify({ message: "The token is not accepted" }),
      ]);
    }
  });

  it("never leaves its token in the log", () => {
    expect(JSON.stringify(log.lines)).not.toContain("eyJ");
  });
});

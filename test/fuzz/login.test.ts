/** The authorizer with hostile tokens and headers, on the real engine. */

import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type CryptoKey, exportJWK, exportSPKI, importJWK } from "jose";
import { type AuthorizerEvent, authorizeHandler } from "../../lambda/authorize/handler";
import { MOST_LOGINS } from "../../lambda/authorize/login";
import { dynamoDbLoginRegistry, type LoginRegistry } from "../../lambda/authorize/store";
import { type Engine, startEngine } from "../../testing/engine";
import { hostileClaims } from "../../testing/fuzz/claims";
import { runs } from "../../testing/fuzz/runs";
import { binaryText, hostileText, hostileValue } from "../../testing/fuzz/values";
import {
  DEFAULT_TERMS,
  loginClaims,
  putAgent,
  signToken,
  type TestKey,
  testKey,
} from "../../testing/login";
import { LogRecorder, MetricsRecorder } from "../../testing/presence";

const NOW = 1_790_000_000_000;
const AUDIENCE = "wss://abc.execute-api.eu-west-1.amazonaws.com/prod";
const METHOD_ARN = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/$connect";
const RUNS = runs(300);

const REFUSAL = {
  principalId: "refused",
  policyDocument: {
    Version: "2012-10-17",
    Statement: [{ Action: "execute-api:Invoke", Effect: "Deny", Resource: METHOD_ARN }],
  },
};

describe("a hostile login", () => {
  let engine: Engine;
  let registry: LoginRegistry;
  let key: TestKey;
  let neighbour: TestKey;
  let stranger: TestKey;
  let publicPem: string;
  let authorize: ReturnType<typeof authorizeHandler>;
  /** The calls of the registry, in order. */
  const asked: string[] = [];
  const log = new LogRecorder();

  beforeAll(async () => {
    engine = await startEngine();
    const { client, registryTableName } = engine;
    [key, neighbour, stranger] = await Promise.all([
      testKey("RS256"),
      testKey("ES256"),
      testKey("EdDSA"),
    ]);
    publicPem = await exportSPKI((await importJWK(key.jwk, "RS256")) as CryptoKey);
    await putAgent(client, registryTableName, [key]);
    await putAgent(client, registryTableName, [neighbour], { agentId: "a2" });
    await putAgent(client, registryTableName, [key], { agentId: "off", enabled: false });
    await putAgent(client, registryTableName, [stranger], { organizationId: "other" });
    const real = dynamoDbLoginRegistry(engine);
    registry = {
      lasts: real.lasts,
      find: (...query) => {
        asked.push("find");
        return real.find(...query);
      },
      countUses: (...query) => {
        asked.push("count uses");
        return real.countUses(...query);
      },
      useOnce: (organizationId, agentId, tokenId, until) => {
        asked.push(`use a token of ${organizationId}/${agentId}`);
        return real.useOnce(organizationId, agentId, tokenId, until);
      },
    };
    const metrics = new MetricsRecorder().sink;
    authorize = authorizeHandler({
      registry,
      terms: DEFAULT_TERMS,
      advice: { windowMs: async () => 0 },
      log,
      metrics,
    });
  });
  afterAll(() => engine.stop());

  let now = NOW;
  const claims = (overrides: object = {}) => loginClaims(AUDIENCE, now, overrides);

  const event = (headers: AuthorizerEvent["headers"]): AuthorizerEvent => ({
    methodArn: METHOD_ARN,
    ...(headers && { headers }),
    requestContext: {
      domainName: "abc.execute-api.eu-west-1.amazonaws.com",
      stage: "prod",
      requestTimeEpoch: now,
    },
  });
  const offer = (token: string) =>
    authorize(event({ "Sec-WebSocket-Protocol": `agent-heartbeat.v1, ${token}` }));

  const encoded = (value: unknown) =>
    Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

  /** Token headers that try to choose the key, the algorithm or the rules. */
  const hostileHeader = () =>
    fc.oneof(
      fc.record(
        {
          alg: fc.oneof(
            fc.constantFrom("none", "None", "HS256", "HS512", "RS512", "PS256", "ES256", "EdDSA"),
            hostileValue,
          ),
          kid: fc.oneof(
            fc.constantFrom(key.keyId, neighbour.keyId, stranger.keyId, "../a2"),
            hostileValue,
          ),
          typ: hostileValue,
          crit: fc.oneof(fc.constantFrom(["exp"], ["b64"], ["none"], []), hostileValue),
          b64: fc.constantFrom(false, true, "false"),
          zip: fc.constant("DEF"),
          jku: fc.constant("https://evil.example/jwks"),
          x5u: fc.constant("https://evil.example/cert.pem"),
          jwk: fc.constant(stranger.jwk),
          x5c: hostileValue,
        },
        { requiredKeys: [] },
      ),
      hostileValue,
    );

  /** Claims, some of them hostile. */
  const hostileOwnClaims = () =>
    hostileClaims([AUDIENCE, "wss://evil.example/prod"]).map((overrides) => claims(overrides));

  it("without the private key is refused, whatever it claims", async () => {
    const forge = fc
      .tuple(hostileHeader(), fc.oneof(hostileOwnClaims(), hostileValue), fc.nat({ max: 4 }))
      .map(([header, payload, how]) => {
        const named =
          header && typeof header === "object" && !Array.isArray(header)
            ? { alg: "RS256", kid: key.keyId, ...header }
            : header;
        const signed = `${encoded(named)}.${encoded(payload)}`;
        const hmac = (secret: string) =>
          createHmac("sha256", secret).update(signed).digest("base64url");
        const signatures = [
          "",
          "A".repeat(342),
          hmac(publicPem),
          hmac(JSON.stringify(key.jwk)),
          hmac(key.jwk.n ?? ""),
        ];
        return `${signed}.${signatures[how]}`;
      });
    const raw = fc.oneof(
      hostileText,
      fc.array(binaryText(10), { maxLength: 6 }).map((parts) => parts.join(".")),
      fc.json().map((text) => `${encoded(text)}.${encoded(text)}.`),
    );
    const property = fc.asyncProperty(fc.oneof(forge, raw), async (token) => {
      asked.length = 0;
      expect(await offer(token)).toEqual(REFUSAL);
      expect(asked.filter((call) => call !== "find")).toEqual([]);
    });
    await fc.assert(property, { numRuns: RUNS });
  });

  it("with its own key proves no more than the key was registered for", async () => {
    const signers = () => fc.constantFrom(key, neighbour, stranger);
    const property = fc.asyncProperty(signers(), hostileOwnClaims(), async (signer, payload) => {
      asked.length = 0;
      now += 100;
      const result = await offer(await signToken(signer, payload));
      if (result.policyDocument.Statement[0].Effect === "Deny") {
        expect(result).toEqual(REFUSAL);
        return;
      }
      const { org, sub } = payload as { org: string; sub: string };
      const owner = {
        [key.keyId]: "acme/a1",
        [neighbour.keyId]: "acme/a2",
        [stranger.keyId]: "other/a1",
      };
      expect(`${org}/${sub}`).toBe(owner[signer.keyId]);
      expect(result.principalId).toBe(`${org}/${sub}`);
      expect(asked).toEqual(["find", `use a token of ${org}/${sub}`]);
      const { heartbeatIntervalMs, leaseMs, role } = result.context ?? {};
      expect(role).toBe("agent");
      expect(Number(heartbeatIntervalMs)).toBeGreaterThanOrEqual(DEFAULT_TERMS.minIntervalMs);
      expect(Number(heartbeatIntervalMs)).toBeLessThanOrEqual(DEFAULT_TERMS.maxIntervalMs);
      expect(Number(leaseMs)).toBeGreaterThan(Number(heartbeatIntervalMs));
      expect(JSON.stringify(result).length).toBeLessThan(2048);
    });
    await fc.assert(property, { numRuns: RUNS });
  });

  it("with any header and a valid signature is accepted as itself, or not at all", async () => {
    const property = fc.asyncProperty(hostileHeader(), async (header) => {
      now += 1000;
      const { alg: _, ...rest } = (header ?? {}) as Record<string, unknown>;
      const token = await signToken(key, claims(), { kid: key.keyId, ...rest }).catch(() => null);
      // Headers that the library refuses to sign are covered by the forged tokens.
      if (token === null) return;
      const { principalId } = await offer(token);
      expect(["acme/a1", "refused"]).toContain(principalId);
    });
    await fc.assert(property, { numRuns: RUNS });
  });

  it.each([
    [
      "durations whose quotient is no number",
      { heartbeat_interval: 1e308, heartbeat_timeout: 1e308 },
    ],
    ["half a character as its id", { jti: "\ud800" }],
    ["half a character as its instance", { instance_id: "x\udc00" }],
    ["times that are no numbers of DynamoDB", { iat: -1e308 }],
  ])("with %s is refused, without an internal error", async (_, overrides) => {
    expect(await offer(await signToken(key, claims(overrides)))).toEqual(REFUSAL);
  });

  it("by an agent that logs in too often is refused without a write, and accepted again later", async () => {
    const attempt = async () => {
      const { principalId } = await offer(
        await signToken(neighbour, claims({ iss: "a2", sub: "a2" })),
      );
      return principalId;
    };
    now += 3_600_000;
    for (let count = 0; count < MOST_LOGINS; count++) expect(await attempt()).toBe("acme/a2");
    asked.length = 0;
    expect(await attempt()).toBe("refused");
    expect(asked).toEqual(["find", "count uses"]);
    expect((await offer(await signToken(key, claims()))).principalId).toBe("acme/a1");
    now += 150_000;
    expect(await attempt()).toBe("acme/a2");
  });

  it("is refused beyond the limit though its tokens are good for a moment only", async () => {
    now += 3_600_000;
    const iat = Math.floor(now / 1000) - 60;
    const attempt = async () => {
      const overrides = { iss: "a2", sub: "a2", iat, exp: iat + 31 };
      return (await offer(await signToken(neighbour, claims(overrides)))).principalId;
    };
    for (let count = 0; count < MOST_LOGINS; count++) expect(await attempt()).toBe("acme/a2");
    expect(await attempt()).toBe("refused");
    now += 29_000;
    const later = await offer(await signToken(neighbour, claims({ iss: "a2", sub: "a2" })));
    expect(later.principalId).toBe("refused");
  });

  it("with missing, duplicate or malformed headers is refused", async () => {
    const token = await signToken(key, claims());
    const names = fc.constantFrom(
      "sec-websocket-protocol",
      "Sec-WebSocket-Protocol",
      "SEC-WEBSOCKET-PROTOCOL",
      "__proto__",
      "constructor",
      "authorization",
    );
    const values = fc.oneof(
      hostileText,
      fc.constantFrom(
        token,
        `agent-heartbeat.v1;${token}`,
        `agent-heartbeat.v1,,${token}`,
        `agent-heartbeat.v1, ${token}, ${token}`,
        `${token}, agent-heartbeat.v1`,
        `AGENT-HEARTBEAT.V1, ${token}`,
        "agent-heartbeat.v1, ",
        `agent-heartbeat.v1, Bearer ${token}`,
      ),
    );
    const headers = fc.option(fc.dictionary(names, values), { nil: undefined });
    const property = fc.asyncProperty(headers, async (each) => {
      expect(await authorize(event(each))).toEqual(REFUSAL);
    });
    await fc.assert(property, { numRuns: RUNS });
    // The token is valid, so each refusal was because of the header.
    expect((await offer(token)).principalId).toBe("acme/a1");
  });

  it("costs the same reads and no write, whether or not the agent exists", async () => {
    const costs: Record<string, string[]> = {};
    for (const [name, signer, overrides] of [
      ["unknown agent", key, { iss: "nobody", sub: "nobody" }],
      ["unknown organization", key, { org: "nowhere" }],
      ["another's key", neighbour, {}],
      ["disabled", key, { iss: "off", sub: "off" }],
    ] as const) {
      asked.length = 0;
      expect(await offer(await signToken(signer, claims(overrides)))).toEqual(REFUSAL);
      costs[name] = [...asked];
    }
    for (const cost of Object.values(costs)) expect(cost).toEqual(["find"]);
  });

  it("never leaves its token in the log", async () => {
    const { x } = await exportJWK(stranger.privateKey);
    const lines = JSON.stringify(log.lines);
    expect(lines).not.toContain("eyJ");
    expect(lines).not.toContain(x);
  });
});

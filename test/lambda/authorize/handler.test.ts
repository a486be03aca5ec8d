import { GetItemCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { agentRecordId, type RegisteredAgent } from "../../../core/registry-record";
import { keyTagOf } from "../../../core/row-connections";
import { type AuthorizerEvent, authorizeHandler } from "../../../lambda/authorize/handler";
import { dynamoDbLoginRegistry } from "../../../lambda/authorize/store";
import { clientOf, type Engine, startEngine } from "../../../testing/engine";
import {
  DEFAULT_TERMS,
  loginClaims,
  putAgent,
  signToken,
  type TestKey,
  testKey,
} from "../../../testing/login";
import { LogRecorder, MetricsRecorder } from "../../../testing/presence";
import { offlineRow, onlineRow, putRows } from "../../../testing/status-rows";

const NOW = 1_790_000_000_000;
const AUDIENCE = "wss://abc.execute-api.eu-west-1.amazonaws.com/prod";
const METHOD_ARN = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/$connect";

describe("authorize", () => {
  let engine: Engine;
  let key: TestKey;
  let stranger: TestKey;
  const log = new LogRecorder();
  const metrics = new MetricsRecorder();
  let authorize: ReturnType<typeof authorizeHandler>;

  beforeAll(async () => {
    engine = await startEngine();
    const { client, registryTableName } = engine;
    [key, stranger] = await Promise.all([testKey(), testKey()]);
    await putAgent(client, registryTableName, [key]);
    await putAgent(client, registryTableName, [key], { agentId: "disabled", enabled: false });
    await putAgent(client, registryTableName, [key], { agentId: "guest", expiresAt: NOW });
    for (const agentId of ["service", "event:aws.s3"]) {
      await putAgent(client, registryTableName, [key], { agentId });
    }
    await putAgent(client, registryTableName, [stranger], { organizationId: "other" });
    authorize = authorizeHandler({
      registry: dynamoDbLoginRegistry(engine),
      terms: DEFAULT_TERMS,
      advice: { windowMs: async () => 22_000 },
      log,
      metrics: metrics.sink,
    });
  });
  afterAll(() => engine.stop());

  const claims = (overrides: object = {}) => loginClaims(AUDIENCE, NOW, overrides);

  function event(
    token: string | undefined,
    header = `agent-heartbeat.v1, ${token}`,
  ): AuthorizerEvent {
    return {
      methodArn: METHOD_ARN,
      headers: { "sec-websocket-protocol": header },
      requestContext: {
        domainName: "abc.execute-api.eu-west-1.amazonaws.com",
        stage: "prod",
        requestTimeEpoch: NOW,
      },
    };
  }

  const effectOf = async (token: string) => {
    const result = await authorize(event(token));
    return result.policyDocument.Statement[0].Effect;
  };

  it.each(["RS256", "ES256", "EdDSA"] as const)(
    "accepts an agent with a key for %s",
    async (algorithm) => {
      const own = await testKey(algorithm);
      const agentId = `with-${algorithm}`;
      await putAgent(engine.client, engine.registryTableName, [own], { agentId });
      const token = await signToken(own, claims({ iss: agentId, sub: agentId }));
      const result = await authorize(event(token));
      expect(result).toEqual({
        principalId: `acme/${agentId}`,
        policyDocument: {
          Version: "2012-10-17",
          Statement: [{ Action: "execute-api:Invoke", Effect: "Allow", Resource: METHOD_ARN }],
        },
        context: {
          organizationId: "acme",
          agentId,
          role: "agent",
          instanceId: "process-a",
          heartbeatIntervalMs: "30000",
          leaseMs: "90000",
          intervalAdvised: "false",
          onDuplicate: "replace",
          reconnectWindowMs: "22000",
          rotation: "false",
          watches: "false",
          fencingToken: "0",
          keyTag: keyTagOf({ keyId: own.keyId, addedAt: 0 }),
        },
      });
    },
  );

  it("accepts an agent with either of its two keys during a rotation", async () => {
    const second = await testKey("ES256");
    await putAgent(engine.client, engine.registryTableName, [key, second], { agentId: "rotating" });
    const ids = { iss: "rotating", sub: "rotating" };
    expect(await effectOf(await signToken(key, claims(ids)))).toBe("Allow");
    expect(await effectOf(await signToken(second, claims(ids)))).toBe("Allow");
  });

  it("accepts a clock that is off by less than 30 s in either direction", async () => {
    const iat = NOW / 1000;
    expect(await effectOf(await signToken(key, claims({ iat: iat + 29, exp: iat + 89 })))).toBe(
      "Allow",
    );
    expect(await effectOf(await signToken(key, claims({ iat: iat - 89, exp: iat - 29 })))).toBe(
      "Allow",
    );
  });

  it("accepts a login if the response to its token's write was lost and the write repeated", async () => {
    const client = clientOf(engine.endpoint);
    let lost = 0;
    client.middlewareStack.add(
      (next) => async (args) => {
        const answer = await next(args);
        if (
          !(args.request as { headers: Record<string, string> }).headers["x-amz-target"]?.endsWith(
            ".PutItem",
          ) ||
          lost > 0
        ) {
          return answer;
        }
        lost += 1;
        throw Object.assign(new Error("socket hang up"), { name: "TimeoutError" });
      },
      { step: "deserialize", priority: "low" },
    );
    const behindBadNetwork = authorizeHandler({
      registry: dynamoDbLoginRegistry({ ...engine, client }),
      terms: DEFAULT_TERMS,
      advice: { windowMs: async () => 0 },
      log,
      metrics: metrics.sink,
    });
    const token = await signToken(key, claims());
    const { policyDocument } = await behindBadNetwork(event(token));
    client.destroy();
    expect(lost).toBe(1);
    expect(policyDocument.Statement[0].Effect).toBe("Allow");
    expect(await effectOf(token)).toBe("Deny");
  });

  it("adjusts an interval to the nearest bound, and says so", async () => {
    const token = await signToken(key, claims({ heartbeat_interval: 1, heartbeat_timeout: 4 }));
    expect((await authorize(event(token))).context).toMatchObject({
      heartbeatIntervalMs: "5000",
      leaseMs: "20000",
      intervalAdvised: "true",
    });
  });

  it("gives a client that requests no interval the deployment's defaults", async () => {
    const terms = { heartbeat_interval: undefined, heartbeat_timeout: undefined };
    expect((await authorize(event(await signToken(key, claims(terms))))).context).toMatchObject({
      heartbeatIntervalMs: "30000",
      leaseMs: "90000",
      intervalAdvised: "true",
    });
  });

  describe("with a custom domain", () => {
    const domainName = "agents.example.com";
    const authorizeAt = async (aud: string) => {
      const authorizeOwn = authorizeHandler({
        registry: dynamoDbLoginRegistry(engine),
        terms: DEFAULT_TERMS,
        advice: { windowMs: async () => 0 },
        log,
        metrics: metrics.sink,
        customDomainUrl: `wss://${domainName}`,
      });
      const login = event(await signToken(key, claims({ aud })));
      // The gateway's event names the stage, even if the domain's path does not.
      const requestContext = { ...login.requestContext, domainName };
      const { policyDocument } = await authorizeOwn({ ...login, requestContext });
      return policyDocument.Statement[0].Effect;
    };

    it("accepts a token for the domain, which has no stage", async () => {
      expect(await authorizeAt(`wss://${domainName}`)).toBe("Allow");
    });

    it("refuses a token for another domain, or for another deployment's own address", async () => {
      expect(await authorizeAt("wss://agents.example.org")).toBe("Deny");
      expect(await authorizeAt(AUDIENCE.replace("abc", "xyz"))).toBe("Deny");
    });
  });

  describe("refuses", () => {
    const now = NOW / 1000;
    const faults: [string, () => Promise<string> | string][] = [
      ["a key that is not registered", () => signToken(stranger, claims())],
      [
        "a registered key id over another key's signature",
        () => signToken(stranger, claims(), { kid: key.keyId }),
      ],
      ["an agent that is not registered", () => signToken(key, claims({ iss: "a2", sub: "a2" }))],
      ...["service", "event:aws.s3"].map((id): [string, () => Promise<string>] => [
        `an agent of the reserved id ${id}, though it is registered`,
        () => signToken(key, claims({ iss: id, sub: id })),
      ]),
      ["a disabled agent", () => signToken(key, claims({ iss: "disabled", sub: "disabled" }))],
      [
        "an agent whose registration has expired",
        () => signToken(key, claims({ iss: "guest", sub: "guest" })),
      ],
      [
        "another organization's agent of the same id",
        () => signToken(key, claims({ org: "other" })),
      ],
      ["an expired token", () => signToken(key, claims({ iat: now - 200, exp: now - 140 }))],
      ["a token from the future", () => signToken(key, claims({ iat: now + 40, exp: now + 100 }))],
      ["a token of more than 60 seconds", () => signToken(key, claims({ exp: now + 61 }))],
      [
        "a token for another stage",
        () => signToken(key, claims({ aud: AUDIENCE.replace("prod", "test") })),
      ],
      [
        "a token for another host",
        () => signToken(key, claims({ aud: "wss://evil.example/prod" })),
      ],
      ["an issuer that is not the subject", () => signToken(key, claims({ iss: "disabled" }))],
      ["a token without an id", () => signToken(key, claims({ jti: undefined }))],
      ["an organization id that is no id", () => signToken(key, claims({ org: "acme#sweep" }))],
      [
        "a heartbeat interval that is no number",
        () => signToken(key, claims({ heartbeat_interval: "30" })),
      ],
      ["a signature with a letter changed", async () => tampered(await signToken(key, claims()))],
      ["alg none", () => unsigned({ alg: "none", kid: key.keyId })],
      [
        "alg HS256 with the public key as the secret",
        () => unsigned({ alg: "HS256", kid: key.keyId }),
      ],
      ["text that is no token", () => "not-a-token"],
      ["a token of 5,000 characters", () => signToken(key, claims({ padding: "x".repeat(5000) }))],
    ];

    const unsigned = (header: object) => `${base64(header)}.${base64(claims())}.${"A".repeat(86)}`;
    const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const tampered = (token: string) =>
      token.replace(/\.(.)([^.]+)$/, (_, first, rest) => `.${first === "A" ? "B" : "A"}${rest}`);

    it.each(faults)("%s, with the same response as for any other reason", async (_, make) => {
      expect(await authorize(event(await make()))).toEqual({
        principalId: "refused",
        policyDocument: {
          Version: "2012-10-17",
          Statement: [{ Action: "execute-api:Invoke", Effect: "Deny", Resource: METHOD_ARN }],
        },
      });
    });

    it.each([
      "",
      "agent-heartbeat.v1",
      "agent-heartbeat.v2, x",
      "x, agent-heartbeat.v1",
      "agent-heartbeat.v1, x, y",
    ])("the subprotocols %j", async (header) => {
      const result = await authorize(event(undefined, header));
      expect(result.policyDocument.Statement[0].Effect).toBe("Deny");
    });

    it("a token that was used before, even if it is used twice at once", async () => {
      const token = await signToken(key, claims());
      const effects = await Promise.all([effectOf(token), effectOf(token), effectOf(token)]);
      expect(effects.sort()).toEqual(["Allow", "Deny", "Deny"]);
    });

    it("a forged copy without using up the id of the valid token", async () => {
      const good = claims();
      expect(await effectOf(await signToken(stranger, good, { kid: key.keyId }))).toBe("Deny");
      expect(await effectOf(await signToken(key, good))).toBe("Allow");
    });

    it("without writing to the status table", async () => {
      const { Count } = await engine.client.send(
        new ScanCommand({ TableName: engine.statusTableName }),
      );
      expect(Count).toBe(0);
    });

    it("with a metric and a log line that has the reason but not the token", () => {
      expect(metrics.counts.LoginsRefused).toBeGreaterThan(faults.length);
      const text = JSON.stringify(log.lines);
      expect(text).toContain("the agent is disabled");
      expect(text).not.toContain("eyJ");
    });
  });

  describe("of an ephemeral registration", () => {
    const HOUR = 3_600_000;
    const loginOf = async (agentId: string) =>
      authorize(event(await signToken(key, claims({ iss: agentId, sub: agentId }))));
    const put = (agentId: string, registration: object, row?: ReturnType<typeof onlineRow>) =>
      Promise.all([
        putAgent(engine.client, engine.registryTableName, [key], {
          agentId,
          ephemeralMs: HOUR,
          ...registration,
        }),
        putRows(engine.client, engine.statusTableName, row ? [{ ...row, agentId }] : []),
      ]);
    const recordOf = async (agentId: string) => {
      const Key = marshall({ organizationId: "acme", recordId: agentRecordId(agentId) });
      const TableName = engine.registryTableName;
      const { Item = {} } = await engine.client.send(new GetItemCommand({ TableName, Key }));
      return unmarshall(Item);
    };

    it.each([
      ["never came", { createdAt: NOW - HOUR }, undefined],
      ["left", { createdAt: 1 }, offlineRow(NOW - HOUR)],
      ["fell silent", { createdAt: 1 }, onlineRow(NOW - HOUR - 90_000)],
    ])("is refused once it has vanished: its agent %s", async (how, registration, row) => {
      await put(`gone-${how.length}`, registration, row);
      const result = await loginOf(`gone-${how.length}`);
      expect(result.policyDocument.Statement[0].Effect).toBe("Deny");
    });

    it.each([
      ["never came", { createdAt: NOW - HOUR + 1 }, undefined],
      ["left", { createdAt: 1 }, offlineRow(NOW - HOUR + 1)],
      ["is online", { createdAt: 1 }, onlineRow(NOW)],
    ])("is accepted until then: its agent %s", async (how, registration, row) => {
      await put(`here-${how.length}`, registration, row);
      expect((await loginOf(`here-${how.length}`)).context).toMatchObject({
        ephemeralMs: String(HOUR),
      });
    });

    it("is kept for as long as the login may keep its agent online", async () => {
      await put("kept", { createdAt: NOW });
      await loginOf("kept");
      const { keptUntil, ttlEpochSeconds } = await recordOf("kept");
      expect(keptUntil).toBeGreaterThanOrEqual(NOW + 5 * HOUR + HOUR);
      expect(ttlEpochSeconds).toBe(Math.ceil(keptUntil / 1000));
    });

    it("is written by one login of many within an hour", async () => {
      await put("often", { createdAt: NOW, keptUntil: NOW + 6 * HOUR });
      await loginOf("often");
      expect(await recordOf("often")).toMatchObject({ keptUntil: NOW + 6 * HOUR });
      expect(await recordOf("often")).not.toHaveProperty("ttlEpochSeconds");
    });

    it("is not restored if it is removed meanwhile", async () => {
      const registry = dynamoDbLoginRegistry(engine);
      const agent = {
        organizationId: "acme",
        agentId: "nobody",
        ephemeralMs: HOUR,
        createdAt: NOW,
      };
      expect(await registry.lasts(agent as RegisteredAgent, NOW)).toBe(true);
      expect(await recordOf("nobody")).toEqual({});
    });
  });

  it("fails instead of refusing if the registry can't be read", async () => {
    const failing = authorizeHandler({
      registry: {
        find: () => Promise.reject(new Error("throttled")),
        lasts: () => Promise.resolve(true),
        countUses: () => Promise.resolve(0),
        useOnce: () => Promise.resolve(true),
      },
      terms: DEFAULT_TERMS,
      advice: { windowMs: async () => 22_000 },
      log,
      metrics: metrics.sink,
    });
    const token = await signToken(key, claims());
    await expect(failing(event(token))).rejects.toThrow("throttled");
  });
});

import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { AgentRegistry, publicKeyFrom } from "@agent-heartbeat/sdk/registry";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { enrolRoutes } from "../../../lambda/http/enrol";
import { router } from "../../../lambda/http/router";
import { type Engine, startEngine } from "../../../testing/engine";
import { anyKey, enrolmentsOf, NO_STS } from "../../../testing/enrolments";
import { httpEvent } from "../../../testing/http";
import { newEd25519Key, newP256Key, newRsaKey } from "../../../testing/keys";
import { LogRecorder, MetricsRecorder } from "../../../testing/presence";

const domainName = "abc.lambda-url.eu-west-1.on.aws";

let engine: Engine;
let fleet: ReturnType<typeof enrolmentsOf>;
let token: string;
let handle: ReturnType<typeof router>;
const log = new LogRecorder();
const metrics = new MetricsRecorder();
beforeAll(async () => {
  engine = await startEngine();
  fleet = enrolmentsOf(engine, "acme", Date.now);
  ({ token } = await fleet.create({ uses: 1000 }));
  const common = { log, metrics: metrics.sink };
  handle = router(
    enrolRoutes({ enrolments: fleet.store, ask: NO_STS.ask, ...common }, () => 0.99),
    common,
  );
});
afterAll(() => engine.stop());

const spki = (pem: string) => String(createPublicKey(pem).export({ type: "spki", format: "pem" }));

async function post(body: unknown, given: string | undefined = token) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const {
    statusCode,
    body: answer = "{}",
    headers,
  } = await handle(
    httpEvent({
      domainName,
      now: Date.now(),
      path: "/enrol",
      body: text,
      ...(given !== undefined && { token: given }),
    }),
  );
  return { status: statusCode, headers, ...JSON.parse(answer) };
}

describe("POST /enrol", () => {
  it.each([
    ["an Ed25519 key", newEd25519Key],
    ["a P-256 key", newP256Key],
    ["an RSA key", newRsaKey],
  ])("registers %s, in PEM and as a JWK", async (name, make) => {
    for (const form of ["pem", "jwk"] as const) {
      const agentId = `worker-${name.length}-${form}`;
      const pem = spki(make());
      const publicKey = form === "pem" ? pem : createPublicKey(pem).export({ format: "jwk" });
      const { keyId } = await publicKeyFrom(pem);
      expect(await post({ agentId, publicKey })).toMatchObject({
        status: 201,
        organizationId: "acme",
        agentId,
        role: "agent",
        keyId,
        enrolmentId: expect.any(String),
      });
      expect(await post({ agentId, publicKey })).toMatchObject({ status: 200, keyId });
      const registry = new AgentRegistry(engine);
      const found = await registry.get({ organizationId: "acme", agentId });
      expect(found?.publicKeys).toEqual([
        { ...(await publicKeyFrom(pem)), addedAt: expect.any(Number) },
      ]);
    }
  });

  it("takes a JWK with members that are of no use, and stores none of them", async () => {
    const { jwk } = anyKey();
    const agentId = "worker-extra";
    const publicKey = { ...jwk, kid: "k", use: "sig", alg: "EdDSA", ext: true, "#": "x" };
    expect(await post({ agentId, publicKey, more: 1 })).toMatchObject({ status: 201 });
    const registry = new AgentRegistry(engine);
    const found = await registry.get({ organizationId: "acme", agentId });
    expect(found?.publicKeys[0]?.jwk).toEqual(jwk);
  });

  const publicKey = spki(newEd25519Key());
  const rsa = (modulusLength: number) => spki(newRsaKey(modulusLength));
  const p384 = () => {
    const { publicKey: key } = generateKeyPairSync("ec", { namedCurve: "P-384" });
    return key.export({ type: "spki", format: "pem" });
  };
  it.each<[string, unknown, string]>([
    ["no JSON", "nonsense", "expected a JSON object"],
    ["an array", [], "got an array"],
    ["no agentId", { publicKey }, "agentId is missing"],
    ["an id that is none", { agentId: "a b", publicKey }, "agentId: expected an agent id"],
    ["an id that is an object", { agentId: {}, publicKey }, "agentId: expected"],
    ["no key", { agentId: "worker-1" }, "publicKey"],
    ["a key that is a number", { agentId: "worker-1", publicKey: 5 }, "publicKey"],
    ["another text", { agentId: "worker-1", publicKey: "ssh-ed25519 AAAA" }, "publicKey: expected"],
    ["an empty object", { agentId: "worker-1", publicKey: {} }, "publicKey: expected"],
    ["a private key", { agentId: "worker-1", publicKey: newEd25519Key() }, "publicKey: expected"],
    [
      "a private key beside it",
      { agentId: "worker-1", publicKey: publicKey + newEd25519Key() },
      "got a private key beside it",
    ],
    [
      "a private JWK",
      { agentId: "worker-1", publicKey: { ...anyKey().jwk, d: "AAAA" } },
      "got a private key",
    ],
    ["a short RSA key", { agentId: "worker-1", publicKey: rsa(1024) }, "an RSA key of 1024 bits"],
    ["another curve", { agentId: "worker-1", publicKey: p384() }, "a key of another kind"],
    [
      "a point that is not on the curve",
      { agentId: "worker-1", publicKey: { kty: "EC", crv: "P-256", x: "AAAA", y: "AAAA" } },
      "one that can't be read",
    ],
    [
      "an oct key",
      { agentId: "worker-1", publicKey: { kty: "oct", k: "AAAA" } },
      "one that can't be read",
    ],
  ])("refuses a body with %s", async (_, body, message) => {
    const answer = await post(body);
    expect(answer).toMatchObject({ status: 400, message: expect.stringContaining(message) });
    expect(answer.message).not.toContain("BEGIN PRIVATE");
  });

  it("refuses a body that is too large", async () => {
    const body = { agentId: "worker-1", publicKey: "x".repeat(20_000) };
    expect(await post(body)).toMatchObject({ status: 413 });
  });

  it("refuses a request without a token before it looks at the body", async () => {
    const event = httpEvent({ domainName, now: Date.now(), path: "/enrol", body: "nonsense" });
    expect(await handle(event)).toMatchObject({
      statusCode: 401,
      headers: { "WWW-Authenticate": "Bearer" },
    });
  });

  it("reveals nothing to a caller without a valid token, and counts the refusal", async () => {
    const before = metrics.counts.LoginsRefused ?? 0;
    const { token: other } = await enrolmentsOf(engine, "other", Date.now).create();
    const guess = other.replace(/[^.]*$/, "a".repeat(43));
    const answers = [
      await post({ agentId: "worker-1", publicKey }, "nonsense"),
      await post({ agentId: "worker-1", publicKey }, guess),
      await post({ agentId: "nobody", publicKey }, guess),
    ];
    for (const { headers: _, ...answer } of answers) {
      expect(answer).toEqual({ status: 401, message: "The token is not accepted" });
    }
    expect(metrics.counts.LoginsRefused).toBe(before + 3);
  });

  it.each([
    ["other-1", "name_not_allowed", 403, "The enrolment does not allow this agentId"],
    ["service", "name_not_allowed", 403, "The enrolment does not allow this agentId"],
    ["worker-taken", "name_in_use", 409, "The agentId is registered with another key"],
  ])(
    "returns the reason to the owner of a token if %s is refused",
    async (agentId, type, status, message) => {
      await fleet.enrol(token, "worker-taken");
      expect(await post({ agentId, publicKey })).toMatchObject({ status, type, message });
    },
  );

  it("reports to the token's owner that it is used up, expired or revoked", async () => {
    const one = await fleet.create({ uses: 1 });
    await fleet.enrol(one.token, "worker-first");
    const body = { agentId: "worker-second", publicKey };
    expect(await post(body, one.token)).toMatchObject({ status: 403, type: "enrolment_used_up" });
    await fleet.registry.revoke(one.enrolment);
    expect(await post(body, one.token)).toMatchObject({ status: 403, type: "enrolment_revoked" });
    const short = await fleet.create({ expiresAt: Date.now() + 3_600_000 });
    const event = httpEvent({
      domainName,
      now: Date.now() + 3_600_000,
      path: "/enrol",
      body: JSON.stringify(body),
      token: short.token,
    });
    const { statusCode, body: text = "" } = await handle(event);
    expect(statusCode).toBe(403);
    expect(JSON.parse(text)).toMatchObject({ type: "enrolment_expired" });
  });

  it("gives clients different times to retry if too many enrol at once", async () => {
    const common = { log, metrics: metrics.sink };
    const enrolments = {
      ...fleet.store,
      register: async () => ({ outcome: "contended" as const }),
    };
    const answers = await Promise.all(
      [0, 0.5, 0.99].map(async (random) => {
        const contended = router(
          enrolRoutes({ enrolments, ask: NO_STS.ask, ...common }, () => random),
          common,
        );
        const body = JSON.stringify({ agentId: "worker-late", publicKey });
        return contended(httpEvent({ domainName, now: Date.now(), path: "/enrol", body, token }));
      }),
    );
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([503, 503, 503]);
    expect(answers.map(({ headers }) => headers?.["Retry-After"])).toEqual(["1", "3", "5"]);
  });

  it("logs who was refused and why, and neither token nor key", () => {
    const text = JSON.stringify(log.lines);
    expect(text).toContain("enrolment_used_up");
    expect(text).not.toContain(token.split(".")[2]);
    expect(text).not.toContain("BEGIN");
  });

  it("has no other method", async () => {
    const event = httpEvent({ domainName, now: Date.now(), path: "/enrol", method: "GET", token });
    expect(await handle(event)).toMatchObject({ statusCode: 405, headers: { Allow: "POST" } });
  });
});

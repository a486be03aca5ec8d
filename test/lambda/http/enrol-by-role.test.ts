import { createPublicKey } from "node:crypto";
import { type EnrolmentTerms, publicKeyFrom } from "@agent-heartbeat/sdk/registry";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { BINDING_HEADER, bindingValue } from "../../../core/aws-proof";
import { askSts } from "../../../lambda/enrol/sts";
import { enrolRoutes } from "../../../lambda/http/enrol";
import { router } from "../../../lambda/http/router";
import { proofMaker } from "../../../sdk/src/platform/aws-proof";
import { type Engine, startEngine } from "../../../testing/engine";
import { enrolmentsOf } from "../../../testing/enrolments";
import { fakeSts, identity, presigned } from "../../../testing/fake-sts";
import { httpEvent } from "../../../testing/http";
import { newEd25519Key } from "../../../testing/keys";
import { LogRecorder, MetricsRecorder } from "../../../testing/presence";

const domainName = "abc.lambda-url.eu-west-1.on.aws";
const audience = `https://${domainName}`;
const customUrl = "https://agents.example.com";
const ROLE = "arn:aws:iam::123456789012:role/team/worker";
const ASSUMED = "arn:aws:sts::123456789012:assumed-role/worker/i-0123456789abcdef0";
const AGENT = "worker-1";

let engine: Engine;
let fleet: ReturnType<typeof enrolmentsOf>;
let handle: ReturnType<typeof router>;
const sts = fakeSts();
const worker = sts.credentialsOf(ASSUMED);
const log = new LogRecorder();
const metrics = new MetricsRecorder();
beforeAll(async () => {
  engine = await startEngine();
  fleet = enrolmentsOf(engine, "acme", Date.now);
  const common = { log, metrics: metrics.sink };
  handle = router(
    enrolRoutes(
      { enrolments: fleet.store, ask: askSts({ fetch: sts.fetch }), customUrl, ...common },
      () => 0.99,
    ),
    common,
  );
});
afterEach(() => {
  sts.answers();
  sts.requests.splice(0);
});
afterAll(() => engine.stop());

const publicKey = String(createPublicKey(newEd25519Key()).export({ type: "spki", format: "pem" }));
const keyIdOf = async (pem: string) => (await publicKeyFrom(pem)).keyId;

const open = (terms: Partial<EnrolmentTerms> = {}) => fleet.create({ roleArns: [ROLE], ...terms });

interface Proven {
  enrolmentId: string;
  agentId?: string;
  key?: string;
  credentials?: ReturnType<typeof sts.credentialsOf>;
  to?: string;
  organizationId?: string;
  region?: string;
  at?: number;
}

/** The proof that a client makes. */
async function proof(of: Proven) {
  const { enrolmentId, agentId = AGENT, key = publicKey, credentials = worker } = of;
  const { to = audience, organizationId = "acme", region = "eu-west-1", at = Date.now() } = of;
  const keyId = await keyIdOf(key);
  const binding = { audience: to, organizationId, enrolmentId, agentId, keyId };
  return proofMaker({ credentials, region }, () => at)(binding);
}

async function post(token: string, body: object, now = Date.now()) {
  const event = httpEvent({ domainName, now, path: "/enrol", body: JSON.stringify(body), token });
  const { statusCode, body: answer = "{}", headers } = await handle(event);
  return { status: statusCode, headers, ...JSON.parse(answer) };
}

const usedOf = async (enrolment: { organizationId: string; enrolmentId: string }) =>
  (await fleet.registry.get(enrolment))?.used;

const REFUSED = { status: 401, message: "The token is not accepted" };

describe("a process with an IAM role of the enrolment", () => {
  it("is registered without a secret, and again counts no further use", async () => {
    const { token, enrolment } = await open();
    const awsProof = await proof(enrolment);
    expect(token).toBe(`ahe_YWNtZQ.${enrolment.enrolmentId}`);
    expect(await post(token, { agentId: AGENT, publicKey, awsProof })).toMatchObject({
      status: 201,
      organizationId: "acme",
      agentId: AGENT,
      enrolmentId: enrolment.enrolmentId,
      keyId: await keyIdOf(publicKey),
    });
    const again = { agentId: AGENT, publicKey, awsProof: await proof(enrolment) };
    expect(await post(token, again)).toMatchObject({ status: 200 });
    expect(await usedOf(enrolment)).toBe(1);
  });

  it("may use the deployment's own domain", async () => {
    const { token, enrolment } = await open();
    const agentId = "worker-domain";
    const awsProof = await proof({ ...enrolment, agentId, to: customUrl });
    expect(await post(token, { agentId, publicKey, awsProof })).toMatchObject({ status: 201 });
  });

  it.each([
    ["cn-north-1", "sts.cn-north-1.amazonaws.com.cn", "aws-cn"],
    ["us-gov-west-1", "sts.us-gov-west-1.amazonaws.com", "aws-us-gov"],
    ["eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu", "aws-eusc"],
  ])("is asked for in %s where its partition has its STS", async (region, host, partition) => {
    const { token, enrolment } = await open({ roleArns: [ROLE.replace("aws", partition)] });
    const agentId = `worker-${region}`;
    const credentials = sts.credentialsOf(ASSUMED.replace("aws", partition));
    const awsProof = await proof({ ...enrolment, agentId, region, credentials });
    expect(await post(token, { agentId, publicKey, awsProof })).toMatchObject({ status: 201 });
    expect(sts.requests.map(({ url }) => new URL(url).host)).toEqual([host]);
  });

  it("is bound to the session of its role, if the names are", async () => {
    const { token, enrolment } = await open({ agents: "worker-{session}-*" });
    const own = "worker-i-0123456789abcdef0-a";
    const other = "worker-i-0000000000000000-a";
    for (const [agentId, status] of [
      [other, 403],
      ["worker-{session}-a", 400],
      [own, 201],
    ] as const) {
      const awsProof = await proof({ ...enrolment, agentId });
      expect(await post(token, { agentId, publicKey, awsProof })).toMatchObject({ status });
    }
  });

  it("receives the reason for a refusal", async () => {
    const { token, enrolment } = await open({ uses: 1 });
    const ask = async (agentId: string) =>
      post(token, { agentId, publicKey, awsProof: await proof({ ...enrolment, agentId }) });
    expect(await ask("other-1")).toMatchObject({ status: 403, type: "name_not_allowed" });
    expect(await ask("worker-one")).toMatchObject({ status: 201 });
    expect(await ask("worker-two")).toMatchObject({ status: 403, type: "enrolment_used_up" });
    await fleet.registry.revoke(enrolment);
    expect(await ask("worker-two")).toMatchObject({ status: 403, type: "enrolment_revoked" });
  });

  it("counts each use once, however many register at the same moment", async () => {
    const { token, enrolment } = await open({ uses: 3 });
    const names = Array.from({ length: 8 }, (_, index) => `worker-race-${index}`);
    const answers = await Promise.all(
      names.map(async (agentId) =>
        post(token, { agentId, publicKey, awsProof: await proof({ ...enrolment, agentId }) }),
      ),
    );
    const registered = answers.filter(({ status }) => status === 201);
    expect(registered.length).toBeLessThanOrEqual(3);
    expect(await usedOf(enrolment)).toBe(registered.length);
  });
});

describe("a proof that someone got hold of", () => {
  it.each<[string, object, Partial<Proven>]>([
    ["another name", { agentId: "worker-2" }, {}],
    [
      "another key",
      {
        publicKey: String(createPublicKey(newEd25519Key()).export({ type: "spki", format: "pem" })),
      },
      {},
    ],
    ["another deployment", {}, { to: "https://other.lambda-url.eu-west-1.on.aws" }],
    ["another organization", {}, { organizationId: "other" }],
    ["another enrolment", {}, { enrolmentId: "0123456789abcdef" }],
  ])("is refused for %s", async (_, body, of) => {
    const { token, enrolment } = await open();
    const awsProof = await proof({ ...enrolment, ...of });
    expect(await post(token, { agentId: AGENT, publicKey, awsProof, ...body })).toMatchObject(
      REFUSED,
    );
    expect(await usedOf(enrolment)).toBe(0);
  });

  it("is refused for a deployment that it only claims to be for", async () => {
    const { token, enrolment } = await open();
    const { url } = await proof({ ...enrolment, to: "https://other.example.com" });
    const awsProof = { audience, url };
    expect(await post(token, { agentId: AGENT, publicKey, awsProof })).toMatchObject(REFUSED);
  });

  it.each([
    ["five minutes old", -300_000, 401],
    ["four minutes old", -240_000, 201],
    ["four minutes ahead", 240_000, 201],
    ["over five minutes ahead", 301_000, 401],
  ])("that is %s is answered by its age", async (name, offset, status) => {
    const { token, enrolment } = await open();
    const now = Math.floor(Date.now() / 1000) * 1000;
    const agentId = `worker-${name.replaceAll(" ", "-")}`;
    const awsProof = await proof({ ...enrolment, agentId, at: now + offset });
    expect(await post(token, { agentId, publicKey, awsProof }, now)).toMatchObject({ status });
    expect(sts.requests).toHaveLength(status === 201 ? 1 : 0);
  });
});

describe("an identity that is not allowed", () => {
  it.each([
    ["a role of the same name in another account", ASSUMED.replace("123456789012", "210987654321")],
    ["another role", ASSUMED.replace("role/worker", "role/worker2")],
    ["a role in other letters", ASSUMED.replace("role/worker", "role/Worker")],
    ["another partition, from this one's STS", ASSUMED.replace("aws", "aws-cn")],
    ["a user", "arn:aws:iam::123456789012:user/worker"],
    ["a root user", "arn:aws:iam::123456789012:root"],
    ["a federated user", "arn:aws:sts::123456789012:federated-user/worker"],
    ["the ARN of a role itself", ROLE],
    ["no ARN", "worker"],
    ["nothing", ""],
  ])("is refused: %s", async (_, arn) => {
    const { token, enrolment } = await open();
    const credentials = sts.credentialsOf(arn);
    const awsProof = await proof({ ...enrolment, credentials });
    expect(await post(token, { agentId: AGENT, publicKey, awsProof })).toMatchObject(REFUSED);
    expect(await usedOf(enrolment)).toBe(0);
  });

  it("is refused from another partition without asking its STS", async () => {
    const { token, enrolment } = await open();
    const awsProof = await proof({ ...enrolment, region: "cn-north-1" });
    expect(await post(token, { agentId: AGENT, publicKey, awsProof })).toMatchObject(REFUSED);
    expect(sts.requests).toEqual([]);
  });

  it("is refused if the enrolment has a token, or does not exist, or nothing proves it", async () => {
    const { token: secret, enrolment } = await fleet.create();
    const named = secret.replace(/\.[^.]*$/, "");
    const awsProof = await proof(enrolment);
    const body = { agentId: AGENT, publicKey, awsProof };
    expect(await post(named, body)).toMatchObject(REFUSED);
    expect(await post(`ahe_YWNtZQ.${"0".repeat(16)}`, body)).toMatchObject(REFUSED);
    const { token } = await open();
    expect(await post(token, { agentId: AGENT, publicKey })).toMatchObject(REFUSED);
    expect(await post(`${token}.${"a".repeat(43)}`, { agentId: AGENT, publicKey })).toMatchObject(
      REFUSED,
    );
    expect(sts.requests).toEqual([]);
  });
});

describe("a request that is no presigned GetCallerIdentity request", () => {
  const change = (name: string, value: string) => (url: string) => {
    const changed = new URL(url);
    changed.searchParams.set(name, value);
    return changed.href;
  };
  const replace = (from: string | RegExp, to: string) => (url: string) => url.replace(from, to);
  const HOST = "sts.eu-west-1.amazonaws.com";

  it.each<[string, (url: string) => string]>([
    ["plain HTTP", replace("https:", "http:")],
    ["another scheme", replace("https:", "ftp:")],
    ["no scheme", replace("https:", "")],
    ["another host", replace(HOST, "evil.example.com")],
    ["the host of a bucket named sts", replace(HOST, "sts.s3-eu-west-1.amazonaws.com")],
    ["a longer host", replace(HOST, `${HOST}.evil.example.com`)],
    ["another service's host", replace(HOST, "ec2.eu-west-1.amazonaws.com")],
    ["another region's host", replace(HOST, "sts.eu-west-2.amazonaws.com")],
    ["the global host", replace(HOST, "sts.amazonaws.com")],
    ["a FIPS host", replace(HOST, "sts-fips.eu-west-1.amazonaws.com")],
    ["a dual-stack host", replace(HOST, "sts.eu-west-1.api.aws")],
    [
      "a host of a VPC endpoint",
      replace(HOST, `vpce-1-abc.${HOST.replace("amazon", "vpce.amazon")}`),
    ],
    ["another partition's host", replace(HOST, `${HOST}.cn`)],
    ["the metadata service", replace(HOST, "169.254.169.254")],
    ["this machine", replace(HOST, "localhost")],
    ["an address of IPv6", replace(HOST, "[::1]")],
    ["a user", replace(HOST, `user@${HOST}`)],
    ["a user that looks like the host", replace(HOST, `${HOST}@evil.example.com`)],
    ["a backslash", replace(HOST, `evil.example.com\\@${HOST}`)],
    ["a port", replace(HOST, `${HOST}:8443`)],
    ["the default port", replace(HOST, `${HOST}:443`)],
    ["a dot after the host", replace(HOST, `${HOST}.`)],
    ["capital letters in the host", replace(HOST, HOST.toUpperCase())],
    ["other letters in the host", replace(HOST, "ѕts.eu-west-1.amazonaws.com")],
    ["a path", replace("/?", "/path?")],
    ["two slashes", replace("/?", "//?")],
    ["no path", replace("/?", "?")],
    ["a fragment", (url) => `${url}#fragment`],
    ["a fragment before the query", replace("/?", "/#?")],
    ["a line end", (url) => `${url}\r\nX: y`],
    ["a tab in the host", replace(HOST, "sts.eu-west-1.\tamazonaws.com")],
    ["a space before it", (url) => ` ${url}`],
    ["another action", change("Action", "AssumeRole")],
    ["another action beside it", (url) => `${url}&Action=AssumeRole`],
    ["a parameter twice", (url) => `${url}&Version=2011-06-15`],
    ["another version", change("Version", "2011-06-16")],
    ["a further parameter", change("RoleArn", "x")],
    ["a name of the prototype", (url) => `${url.replace(/&Version=[^&]*/, "")}&__proto__=x`],
    ["another algorithm", change("X-Amz-Algorithm", "AWS4-ECDSA-P256-SHA256")],
    ["the host unsigned", change("X-Amz-SignedHeaders", BINDING_HEADER)],
    ["the binding unsigned", change("X-Amz-SignedHeaders", "host")],
    ["a further signed header", change("X-Amz-SignedHeaders", `accept;host;${BINDING_HEADER}`)],
    ["a validity of an hour", change("X-Amz-Expires", "3600")],
    ["a validity of 301 s", change("X-Amz-Expires", "301")],
    ["no validity", change("X-Amz-Expires", "0")],
    ["a negative validity", change("X-Amz-Expires", "-1")],
    ["a validity that is no number", change("X-Amz-Expires", "1e2")],
    ["a date that is none", change("X-Amz-Date", "20261399T999999Z")],
    ["a date in another form", change("X-Amz-Date", "2026-11-27T00:00:00Z")],
    ["another day in its scope", replace(/%2F\d{8}%2F/, "%2F20200101%2F")],
    ["another service in its scope", replace("%2Fsts%2F", "%2Fs3%2F")],
    ["no region in its scope", replace("%2Feu-west-1%2F", "%2F%2F")],
    ["a path in its region", replace("%2Feu-west-1%2F", "%2F..%2Feu-west-1%2F")],
    ["no session token", replace(/&X-Amz-Security-Token=[^&]*/, "")],
    ["an empty session token", change("X-Amz-Security-Token", "")],
    ["no signature", replace(/&X-Amz-Signature=\w*/, "")],
    ["a signature in capitals", replace(/Signature=\w*/, `Signature=${"A".repeat(64)}`)],
    ["nothing", () => ""],
    ["11,000 characters", () => `https://${HOST}/?${"a=b&".repeat(2750)}`],
  ])("is refused without asking anybody: %s", async (_, changed) => {
    const { token, enrolment } = await open();
    const { url } = await proof(enrolment);
    const awsProof = { audience, url: changed(url) };
    expect(awsProof.url).not.toBe(url);
    expect(await post(token, { agentId: AGENT, publicKey, awsProof })).toMatchObject(REFUSED);
    expect(sts.requests).toEqual([]);
  });

  it.each<[string, unknown]>([
    ["a text", "https://sts.eu-west-1.amazonaws.com/"],
    ["no URL", { audience }],
    ["no audience", { url: "https://sts.eu-west-1.amazonaws.com/" }],
    ["a URL that is an object", { audience, url: {} }],
    ["a URL of 12,001 characters", { audience, url: "x".repeat(12_001) }],
  ])("is refused as no proof: %s", async (_, awsProof) => {
    const { token } = await open();
    expect(await post(token, { agentId: AGENT, publicKey, awsProof })).toMatchObject({
      status: 400,
    });
  });

  it("is refused by STS if a POST was signed, or the signature is another", async () => {
    const { token, enrolment } = await open();
    const { organizationId, enrolmentId } = enrolment;
    const keyId = await keyIdOf(publicKey);
    const binding = { audience, organizationId, enrolmentId, agentId: AGENT, keyId };
    const posted = await presigned(
      new URL(`https://${HOST}/?Action=GetCallerIdentity&Version=2011-06-15`),
      { [BINDING_HEADER]: bindingValue(binding) },
      worker,
      { now: Date.now(), method: "POST" },
    );
    const { url } = await proof(enrolment);
    const forged = url.replace(/Signature=\w*/, `Signature=${"0".repeat(64)}`);
    for (const wrong of [posted, forged]) {
      const awsProof = { audience, url: wrong };
      expect(await post(token, { agentId: AGENT, publicKey, awsProof })).toMatchObject(REFUSED);
    }
    expect(sts.requests).toHaveLength(2);
  });
});

describe("an answer of STS", () => {
  const html = (status: number) => () =>
    new Response("<html>error</html>", { status, headers: { "Content-Type": "text/html" } });
  const error = (status: number, Code: string) => () =>
    Response.json({ Error: { Code } }, { status });
  const endless = () =>
    new Response(
      new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(4096)) }),
    );

  it.each<[string, () => Response | Promise<Response>]>([
    ["is HTML", html(200)],
    ["is HTML with an error", html(403)],
    ["is a failure", html(500)],
    ["is XML", () => new Response(`<Arn>${ASSUMED}</Arn>`)],
    ["is another JSON", () => Response.json({ Arn: ASSUMED })],
    ["is null", () => Response.json(null)],
    ["has no text as ARN", () => identity({ Arn: { toString: ASSUMED } })],
    ["never ends", endless],
    ["is a redirect", () => Response.redirect("https://sts.eu-west-2.amazonaws.com/", 302)],
    ["is another success", () => new Response(null, { status: 204 })],
    ["is that it is throttled", error(400, "Throttling")],
    ["is that it has too many requests", error(429, "TooManyRequests")],
    ["does not come", () => Promise.reject(new TypeError("fetch failed"))],
    ["does not come in time", () => Promise.reject(new DOMException("late", "TimeoutError"))],
  ])("that %s has the agent come back", async (_, answer) => {
    const { token, enrolment } = await open();
    sts.answers(answer);
    const awsProof = await proof(enrolment);
    expect(await post(token, { agentId: AGENT, publicKey, awsProof })).toMatchObject({
      status: 503,
      type: "unverified",
      headers: { "Retry-After": "5" },
    });
    expect(await usedOf(enrolment)).toBe(0);
  });

  it("is asked for in JSON, once, in time, and without following redirects", async () => {
    const { token, enrolment } = await open();
    const agentId = "worker-asks";
    const awsProof = await proof({ ...enrolment, agentId });
    await post(token, { agentId, publicKey, awsProof });
    expect(sts.requests).toHaveLength(1);
    const [{ url, init } = { url: "", init: undefined }] = sts.requests;
    expect(new URL(url).searchParams.toString()).not.toBe("");
    expect(init).toMatchObject({ redirect: "manual", signal: expect.any(AbortSignal) });
    expect(init?.method ?? "GET").toBe("GET");
    expect(init?.headers).toMatchObject({ Accept: "application/json" });
  });

  it("is logged if it refuses, without the proof", () => {
    const text = JSON.stringify(log.lines);
    expect(text).toContain("SignatureDoesNotMatch");
    const expected = "expected sts.eu-west-1.amazonaws.com";
    expect(text).toContain(`a proof for the host sts.amazonaws.com, ${expected}`);
    expect(text).toContain(`a proof for the host sts-fips.eu-west-1.amazonaws.com, ${expected}`);
    expect(text).toContain("for 301 s, expected one that is valid now, for at most 300 s");
    expect(text).toContain("the role worker of the account 210987654321 (aws)");
    expect(text).not.toContain("X-Amz-Signature");
    expect(text).not.toContain(worker.sessionToken);
  });
});

import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import {
  type AgentEvents,
  type AwsCredentials,
  type AwsIdentity,
  ConfigurationError,
  EnrolmentRefusedError,
  FleetWatcher,
  HeartbeatAgent,
  HttpHeartbeatClient,
  KeyError,
  LoginRefusedError,
} from "@agent-heartbeat/sdk";

import { publicKeyFrom } from "@agent-heartbeat/sdk/registry";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { bindingValue } from "../../../core/aws-proof";
import { newEnrolmentName, newEnrolmentToken } from "../../../core/enrolment-token";
import { enrolledKey } from "../../../sdk/src/platform/enrolled-key";
import { lastingKey } from "../../../sdk/src/platform/lasting-key";
import { fakeSts, presigned } from "../../../testing/fake-sts";
import { newEd25519Key } from "../../../testing/keys";
import { temporaryFolder } from "../../../testing/temporary-folder";

const { token } = newEnrolmentToken("acme");
const TIME = Date.UTC(2026, 10, 27, 23, 59, 59);

interface Request {
  path: string | undefined;
  authorization: string | undefined;
  body: { agentId: string; publicKey: string; awsProof?: { audience: string; url: string } };
}

/** A service that enrols every agent, unless configured otherwise. */
let server: Server;
let httpUrl: string;
let requests: Request[];
let answer: { status: number; body?: object | string; headers?: Record<string, string> };
let now: number;
let warnings: string[];
beforeEach(async () => {
  requests = [];
  warnings = [];
  answer = { status: 201, body: {} };
  now = 0;
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { authorization } = request.headers;
    const body = JSON.parse(Buffer.concat(chunks).toString());
    requests.push({ path: request.url, authorization, body });
    const { status, body: given = {}, headers = {} } = answer;
    if (status === 0) return request.socket.destroy();
    response.writeHead(status, headers);
    response.end(typeof given === "string" ? given : JSON.stringify(given));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  httpUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

const source = (overrides: Partial<Parameters<typeof enrolledKey>[0]> = {}) =>
  enrolledKey({
    token,
    httpUrl,
    agentId: "worker-1",
    organizationId: "acme",
    path: undefined,
    passphrase: undefined,
    agent: undefined,
    awsIdentity: undefined,
    now: () => now,
    time: () => TIME,
    warn: (message) => warnings.push(message),
    ...overrides,
  });
const keyIdOf = async ({ body }: Request) => (await publicKeyFrom(body.publicKey)).keyId;

describe("an agent that registers itself", () => {
  it("makes a key, registers its public half once, and keeps it in memory", async () => {
    const { load } = source();
    const [first, second] = [await load(), await load()];
    expect(second.keyId).toBe(first.keyId);
    expect(requests).toEqual([
      {
        path: "/enrol",
        authorization: `Bearer ${token}`,
        body: { agentId: "worker-1", publicKey: expect.stringContaining("BEGIN PUBLIC KEY") },
      },
    ]);
    expect(await keyIdOf(requests[0] as Request)).toBe(first.keyId);
  });

  it("stores the key in the given file, readable by its owner only, and uses it after a restart", async () => {
    const path = join(await temporaryFolder(), "worker.pem");
    const first = await source({ path }).load();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    answer = { status: 200, body: {} };
    const second = await source({ path }).load();
    expect(second.keyId).toBe(first.keyId);
    expect(await Promise.all(requests.map(keyIdOf))).toEqual([first.keyId, first.keyId]);
  });

  it("keeps the key encrypted if there is a passphrase", async () => {
    const path = join(await temporaryFolder(), "worker.pem");
    const first = await source({ path, passphrase: "secret" }).load();
    expect(await readFile(path, "utf8")).toContain("ENCRYPTED");
    expect((await source({ path, passphrase: "secret" }).load()).keyId).toBe(first.keyId);
    await expect(source({ path }).load()).rejects.toThrow("encrypted");
  });

  it("makes one key even if several processes start at the same moment", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "worker.pem");
    const keys = await Promise.all(Array.from({ length: 8 }, () => source({ path }).load()));
    expect(new Set(keys.map(({ keyId }) => keyId)).size).toBe(1);
    expect(await readdir(folder)).toEqual(["worker.pem"]);
  });

  it("registers an existing key of any accepted type", async () => {
    const path = join(await temporaryFolder(), "own.pem");
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    await writeFile(path, privateKey.export({ type: "pkcs8", format: "pem" }));
    const { keyId } = await source({ path }).load();
    const pem = createPublicKey(privateKey).export({ type: "spki", format: "pem" });
    expect(keyId).toBe((await publicKeyFrom(String(pem))).keyId);
    expect(await keyIdOf(requests[0] as Request)).toBe(keyId);
  });

  it("never overwrites a file that is not a key", async () => {
    const path = join(await temporaryFolder(), "notes.txt");
    await writeFile(path, "not a key");
    await expect(source({ path }).load()).rejects.toThrow(KeyError);
    expect(await readFile(path, "utf8")).toBe("not a key");
    expect(requests).toEqual([]);
  });

  it("reports that the key can't be stored, and where", async () => {
    const path = join(await temporaryFolder(), "missing", "worker.pem");
    await expect(source({ path }).load()).rejects.toThrow(`the private key at ${path}: ENOENT`);
  });

  it("says why it was refused, and never shows the token", async () => {
    answer = { status: 403, body: { message: "The enrolment is used up" } };
    const load = source().load();
    await expect(load).rejects.toThrow(EnrolmentRefusedError);
    await expect(load).rejects.toThrow(
      `enrolment at ${httpUrl}/enrol was refused with status 403: The enrolment is used up`,
    );
    await expect(load).rejects.not.toThrow(token);
  });

  it("enrols less and less often while it is refused", async () => {
    answer = { status: 409, body: { message: "The name is in use" } };
    const { load } = source();
    const times: number[] = [];
    for (; now < 1_500_000; now += 1000) {
      const before = requests.length;
      await expect(load()).rejects.toThrow("The name is in use");
      if (requests.length > before) times.push(now / 1000);
    }
    expect(times).toEqual([0, 15, 45, 105, 225, 465, 765, 1065, 1365]);
    answer = { status: 201 };
    now += 300_000;
    await load();
  });

  it.each([
    [{ status: 503, headers: { "Retry-After": "2" } }, 2000],
    [{ status: 429, headers: { "Retry-After": "5" } }, 5000],
    [{ status: 500, body: "<html>" }, 0],
    [{ status: 0 }, 0],
  ])("enrols again after %j as soon as it may", async (given, afterMs) => {
    answer = given;
    const { load } = source();
    await expect(load()).rejects.toThrow("enrolment at");
    answer = { status: 201 };
    if (afterMs > 0) {
      now = afterMs - 1;
      await expect(load()).rejects.toThrow("enrolment at");
    }
    now = afterMs;
    await load();
    expect(requests).toHaveLength(2);
  });

  it("logs in with a key of an earlier run though it can't be registered", async () => {
    const path = join(await temporaryFolder(), "worker.pem");
    const { keyId } = await source({ path }).load();
    answer = { status: 403, body: { message: "The enrolment has expired" } };
    expect((await source({ path }).load()).keyId).toBe(keyId);
    expect(warnings).toEqual([expect.stringContaining("The enrolment has expired")]);
  });

  it("logs in with a key that it has registered, whatever has become of the enrolment", async () => {
    const key = source();
    const { keyId } = await key.load();
    await key.load();
    expect(key.refused?.()).toBe(true);
    answer = { status: 403, body: { message: "The enrolment has expired" } };
    expect((await key.load()).keyId).toBe(keyId);
    expect(warnings).toEqual([expect.stringContaining("The enrolment has expired")]);
  });

  it("says by HttpHeartbeatClient why it could not be registered again, if its login is refused", async () => {
    const client = () =>
      new HttpHeartbeatClient({
        agentId: "worker-1",
        organizationId: "acme",
        httpUrl,
        enrolmentToken: token,
      });
    answer = { status: 403, body: { message: "Not yet" } };
    await expect(client().sendHeartbeat()).rejects.toThrow(EnrolmentRefusedError);
    const registered = client();
    answer = { status: 201 };
    await expect(registered.sendHeartbeat()).rejects.not.toThrow("enrolment at");
    answer = { status: 403, body: { message: "The name is in use" } };
    const error = await registered.sendHeartbeat().catch((cause) => cause);
    expect(error).toBeInstanceOf(LoginRefusedError);
    expect(error.message).toContain(`; enrolment at ${httpUrl}/enrol was refused with status 403`);
  });

  it("does not log in with a new key that could not be registered", async () => {
    const path = join(await temporaryFolder(), "worker.pem");
    answer = { status: 403, body: {} };
    const { load } = source({ path });
    await expect(load()).rejects.toThrow(KeyError);
    now += 20_000;
    await expect(load()).rejects.toThrow(KeyError);
  });

  it("registers the same key again once a login was refused, but not over and over", async () => {
    const key = source();
    const { keyId } = await key.load();
    expect(key.refused?.()).toBe(false);
    await key.load();
    expect(requests).toHaveLength(1);
    expect(key.refused?.()).toBe(true);
    expect((await key.load()).keyId).toBe(keyId);
    expect(requests).toHaveLength(2);
    expect(key.refused?.()).toBe(false);
  });

  it.each<[number, object | string, string, string, string]>([
    [401, { message: "no" }, "refused", "unauthorized", "is it whole, and of this deployment?"],
    [
      403,
      { type: "enrolment_revoked" },
      "refused",
      "enrolment_revoked",
      "`agent-heartbeat enrolments create`",
    ],
    [
      403,
      { type: "enrolment_expired" },
      "refused",
      "enrolment_expired",
      "`agent-heartbeat enrolments create`",
    ],
    [
      403,
      { type: "enrolment_used_up" },
      "refused",
      "enrolment_used_up",
      "`agent-heartbeat enrolments create`",
    ],
    [403, { type: "name_not_allowed" }, "refused", "name_not_allowed", "which names it allows"],
    [
      403,
      { type: "agent_disabled" },
      "refused",
      "agent_disabled",
      "`agent-heartbeat agents enable`",
    ],
    [409, { type: "name_in_use" }, "refused", "name_in_use", "a name of its own"],
    [404, "<html>", "refused", "refused", "is httpUrl the deployment's output HttpUrl?"],
    [400, { type: "<script>" }, "refused", "refused", "status 400"],
    [429, "", "throttled", "throttled", "status 429"],
    [503, { type: "contended" }, "unavailable", "contended", "status 503"],
    [503, { type: "unverified" }, "unavailable", "unverified", "status 503"],
    [502, "<html>", "unavailable", "unavailable", "status 502"],
  ])(
    "reports %d %j as %s (%s) wherever it reports failures",
    async (status, body, kind, reason, words) => {
      answer = { status, body, headers: { "Retry-After": "7" } };
      const threads = reason === "name_in_use" || reason === "contended" ? [false, true] : [false];
      for (const heartbeatThread of threads) {
        const lines: string[] = [];
        const log = (line: string) => lines.push(line);
        const agent = new HeartbeatAgent({
          agentId: "worker-1",
          organizationId: "acme",
          url: "ws://127.0.0.1:9",
          httpUrl,
          enrolmentToken: token,
          heartbeatThread,
          logger: { warn: log, error: log },
          signals: [],
        });
        const failed = new Promise<AgentEvents["attemptFailed"]>((resolve) => {
          agent.once("attemptFailed", resolve);
        });
        const started = agent.start().catch((error) => error);
        const { failure, error, retryInMs } = await failed;
        expect(failure).toMatchObject({ kind, status, enrolment: reason });
        expect(failure.message).toContain(words);
        expect(error).toBeInstanceOf(EnrolmentRefusedError);
        expect(error).toMatchObject({ status, reason });
        expect(lines).toEqual([expect.stringContaining(failure.message)]);
        expect(agent.getConnectionHealth().lastDisconnect?.reason).toBe(failure.message);
        // Not before the service is asked again.
        expect(retryInMs).toBeGreaterThanOrEqual(kind === "refused" ? 15_000 : 7000);
        await agent.stop();
        await started;
      }
      expect(requests).toHaveLength(threads.length);
    },
  );

  it("that gets no answer in time reports from whom", async () => {
    const runtime = { setTimeout: queueMicrotask, clearTimeout: () => {} };
    const load = lastingKey(source(), runtime, 15_000, () => {}).load();
    await expect(load).rejects.toThrow(`enrolment at ${httpUrl}/enrol: no answer in time`);
    await expect(load).rejects.not.toThrow(EnrolmentRefusedError);
  });

  it("that can't reach the service says so, and is no refusal", async () => {
    answer = { status: 0 };
    const error = await source()
      .load()
      .then(String, (cause) => cause);
    expect(error).toBeInstanceOf(KeyError);
    expect(error).not.toBeInstanceOf(EnrolmentRefusedError);
    expect(error.message).toContain(`enrolment at ${httpUrl}/enrol: socket hang up`);
  });

  it("refuses an answer that is too long", async () => {
    answer = { status: 201, body: "x".repeat(100_000) };
    await expect(source().load()).rejects.toThrow("a response of over 65536 bytes");
  });
});

describe("the options of an agent that registers itself", () => {
  const GOOD = {
    agentId: "worker-1",
    organizationId: "acme",
    url: "wss://gateway.test/prod",
    httpUrl: "https://http.test",
  };
  const VARIABLE = "AGENT_HEARTBEAT_ENROLMENT_TOKEN";
  afterEach(() => {
    delete process.env[VARIABLE];
  });

  it.each([
    [{ enrolmentToken: "" }, "option enrolmentToken: expected ahe_"],
    [{ enrolmentToken: token.slice(0, -1) }, "got another text; is it cut off?"],
    [{ enrolmentToken: 5 }, "option enrolmentToken: expected ahe_"],
    [{ enrolmentToken: token, organizationId: "other" }, "expected one of organization other"],
    [{ enrolmentToken: token, httpUrl: undefined }, "option httpUrl: expected the https:// URL"],
    [{ enrolmentToken: token, httpUrl: "wss://http.test" }, "option httpUrl: expected"],
    [{ enrolmentToken: token, privateKey: newEd25519Key() }, "got both"],
    [{}, "expected privateKey, privateKeyPath or enrolmentToken, got none"],
  ])("%p are refused", (options, message) => {
    for (const Client of [HeartbeatAgent, FleetWatcher]) {
      const make = () => new Client({ ...GOOD, ...options } as never);
      expect(make).toThrow(ConfigurationError);
      expect(make).toThrow(message);
      expect(make).not.toThrow(token.slice(-20));
    }
  });

  it("take the token from the environment", () => {
    process.env[VARIABLE] = `${token}\n`;
    expect(() => new HeartbeatAgent(GOOD)).not.toThrow();
    expect(() => new HeartbeatAgent({ ...GOOD, organizationId: "other" })).toThrow(
      "expected one of organization other",
    );
  });

  it("ignore the environment if there is a key", () => {
    process.env[VARIABLE] = "nonsense";
    expect(() => new HeartbeatAgent({ ...GOOD, privateKey: newEd25519Key() })).not.toThrow();
  });
});

describe("an agent with an IAM role", () => {
  const { token: name, enrolmentId } = newEnrolmentName("acme");
  const sts = fakeSts();
  const credentials = sts.credentialsOf("arn:aws:sts::123456789012:assumed-role/worker/session");
  const byRole = (awsIdentity: AwsIdentity | undefined, overrides = {}) =>
    source({ token: name, awsIdentity, ...overrides });
  const region = "eu-west-1";

  it("registers itself with a proof that is as the AWS SDK signs it", async () => {
    const { keyId } = await byRole({ credentials, region }).load();
    const [{ authorization = "", body } = {} as Request] = requests;
    expect(authorization).toBe(`Bearer ${name}`);
    const { audience = "", url = "" } = body.awsProof ?? {};
    expect(audience).toBe(httpUrl);
    const binding = { audience, organizationId: "acme", enrolmentId, agentId: "worker-1", keyId };
    const same = await presigned(
      new URL("https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"),
      { "x-agent-heartbeat-enrolment": bindingValue(binding) },
      credentials,
      { now: TIME },
    );
    const parameters = (text: string) => Object.fromEntries(new URL(text).searchParams);
    expect(parameters(url)).toEqual(parameters(same));
    expect(new URL(url).host).toBe(new URL(same).host);
  });

  it("gets its credentials for each registration, and signs with what it gets", async () => {
    const given = [credentials, { ...credentials, accessKeyId: "ASIASECOND" }];
    const key = byRole({ credentials: async () => given.shift() as AwsCredentials, region });
    await key.load();
    expect(key.refused?.()).toBe(false);
    await key.load();
    expect(key.refused?.()).toBe(true);
    await key.load();
    expect(requests.map(({ body }) => body.awsProof?.url)).toEqual([
      expect.stringContaining(`X-Amz-Credential=${credentials.accessKeyId}%2F20261127%2F`),
      expect.stringContaining("X-Amz-Credential=ASIASECOND%2F"),
    ]);
  });

  it("says that its credentials fail, or are not a role's, and never shows them", async () => {
    const failing = byRole({ credentials: () => Promise.reject(new Error("no metadata")), region });
    await expect(failing.load()).rejects.toThrow("awsIdentity.credentials failed: no metadata");
    const { sessionToken: _, ...ofUser } = credentials;
    const load = byRole({ credentials: ofUser, region }).load();
    await expect(load).rejects.toThrow("the sessionToken that credentials of a role have");
    await expect(load).rejects.not.toThrow(ofUser.secretAccessKey);
    const none = byRole({ credentials: (() => undefined) as never, region }).load();
    await expect(none).rejects.toThrow(KeyError);
    expect(requests).toEqual([]);
  });

  it.each<[string, Partial<Parameters<typeof enrolledKey>[0]>, string]>([
    ["no identity", { token: name }, "option awsIdentity: expected an IAM role's credentials"],
    [
      "a token with a secret",
      { awsIdentity: { credentials, region } },
      "option awsIdentity: expected none",
    ],
    [
      "a region that is none",
      { token: name, awsIdentity: { credentials, region: "evil.example.com/" } },
      "option awsIdentity.region: expected a region such as eu-west-1",
    ],
    [
      "an empty region",
      { token: name, awsIdentity: { credentials, region: "" } },
      "option awsIdentity.region: expected a region such as eu-west-1",
    ],
    [
      "credentials that are a text",
      { token: name, awsIdentity: { credentials: "x" as never, region } },
      "option awsIdentity.credentials: expected credentials or a function",
    ],
  ])("fails at once with %s", (_, overrides, message) => {
    expect(() => source(overrides)).toThrow(ConfigurationError);
    expect(() => source(overrides)).toThrow(message);
  });

  it("needs an enrolment's token, and no unknown setting", () => {
    const common = { agentId: "worker-1", organizationId: "acme", url: "wss://x", httpUrl };
    const make = (options: object) => () => new HeartbeatAgent({ ...common, ...options });
    expect(make({ awsIdentity: { credentials, region } })).toThrow(
      "option enrolmentToken: expected one for awsIdentity, got none",
    );
    expect(make({ enrolmentToken: name, awsIdentity: { credential: 1 } })).toThrow(
      "option awsIdentity.credential",
    );
    expect(make({ enrolmentToken: name, awsIdentity: { credentials, region } })).not.toThrow();
  });
});

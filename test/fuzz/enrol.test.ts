/** `POST /enrol` with hostile tokens, names and keys, on the real engine. */

import { ScanCommand } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { ID_PATTERN } from "../../core/agent-id";
import { matchesName } from "../../core/enrolment-token";
import { askSts } from "../../lambda/enrol/sts";
import { enrolRoutes } from "../../lambda/http/enrol";
import { router } from "../../lambda/http/router";
import { proofMaker } from "../../sdk/src/platform/aws-proof";
import { type Engine, startEngine } from "../../testing/engine";
import { anyKey, enrolmentsOf, NO_STS } from "../../testing/enrolments";
import { fakeSts } from "../../testing/fake-sts";
import { runs } from "../../testing/fuzz/runs";
import { binaryText, hostileText, hostileValue } from "../../testing/fuzz/values";
import { httpEvent } from "../../testing/http";
import { LogRecorder, MetricsRecorder } from "../../testing/presence";

const domainName = "abc.lambda-url.eu-west-1.on.aws";
const PATTERN = "worker-*";
const RUNS = runs(300);

describe("a hostile enrolment", () => {
  let engine: Engine;
  let token: string;
  let handle: ReturnType<typeof router>;
  const log = new LogRecorder();
  beforeAll(async () => {
    engine = await startEngine();
    const fleet = enrolmentsOf(engine, "acme", Date.now);
    ({ token } = await fleet.create({ uses: 100_000 }));
    await enrolmentsOf(engine, "other", Date.now).create({ agents: "*" });
    const common = { log, metrics: new MetricsRecorder().sink };
    handle = router(enrolRoutes({ enrolments: fleet.store, ask: NO_STS.ask, ...common }), common);
  });
  afterAll(() => engine.stop());

  const send = (body: string, given: string) =>
    handle(httpEvent({ domainName, now: Date.now(), path: "/enrol", body, token: given }));

  async function agents() {
    const { Items = [] } = await engine.client.send(
      new ScanCommand({ TableName: engine.registryTableName }),
    );
    return Items.map((item) => unmarshall(item)).filter(({ recordId }) =>
      String(recordId).startsWith("agent#"),
    );
  }

  it("with a guessed token registers no agent, and reveals nothing", async () => {
    const [head = "", id = "", secret = ""] = token.split(".");
    const part = fc.oneof(
      binaryText(60),
      hostileText,
      fc.constantFrom(head, id, secret, "ahe_", ""),
    );
    const guess = fc.oneof(
      part,
      fc.tuple(part, part, part).map((parts) => parts.join(".")),
      fc.nat(token.length - 1).map((at) => token.slice(0, at) + token.slice(at + 1)),
      fc.nat(token.length - 1).map((at) => `${token.slice(0, at)}A${token.slice(at + 1)}`),
    );
    await fc.assert(
      fc.asyncProperty(guess, async (guessed) => {
        fc.pre(guessed !== token);
        const body = JSON.stringify({ agentId: "worker-guess", publicKey: anyKey().jwk });
        const { statusCode, body: answer = "" } = await send(body, guessed);
        expect(statusCode).toBe(401);
        expect(Object.keys(JSON.parse(answer))).toEqual(["message"]);
      }),
      { numRuns: RUNS },
    );
    expect(await agents()).toEqual([]);
  });

  it("with any body is answered without an error of the service", async () => {
    const value = fc.oneof(hostileValue, hostileText);
    const key = fc.record(
      Object.fromEntries(["kty", "crv", "x", "y", "n", "e", "d", "k"].map((name) => [name, value])),
      { requiredKeys: [] },
    );
    const body = fc.oneof(
      hostileText,
      hostileValue.map((given) => JSON.stringify(given) ?? ""),
      fc.record({ agentId: value, publicKey: fc.oneof(value, key) }).map((given) => {
        return JSON.stringify(given);
      }),
    );
    await fc.assert(
      fc.asyncProperty(body, async (text) => {
        const { statusCode } = await send(text, token);
        expect([400, 403, 409, 413]).toContain(statusCode);
      }),
      { numRuns: RUNS },
    );
    expect(await agents()).toEqual([]);
  });

  it("with any proof causes no call but GetCallerIdentity of STS", async () => {
    const sts = fakeSts();
    const credentials = sts.credentialsOf("arn:aws:sts::123456789012:assumed-role/other/session");
    const fleet = enrolmentsOf(engine, "acme", Date.now);
    const roles = await fleet.create({ roleArns: ["arn:aws:iam::123456789012:role/worker"] });
    const common = { log, metrics: new MetricsRecorder().sink };
    const ask = askSts({ fetch: sts.fetch });
    const byRole = router(enrolRoutes({ enrolments: fleet.store, ask, ...common }), common);
    const audience = `https://${domainName}`;
    const { organizationId, enrolmentId } = roles.enrolment;
    const { jwk, keyId } = anyKey();
    const agentId = "worker-proof";
    const binding = { audience, organizationId, enrolmentId, agentId, keyId };
    const { url: valid } = await proofMaker(
      { credentials, region: "eu-west-1" },
      Date.now,
    )(binding);
    const send = (url: string) =>
      byRole(
        httpEvent({
          domainName,
          now: Date.now(),
          path: "/enrol",
          body: JSON.stringify({ agentId, publicKey: jwk, awsProof: { audience, url } }),
          token: roles.token,
        }),
      );
    const scrap = fc.oneof(
      fc.string({ unit: "binary", maxLength: 5 }),
      fc.constantFrom(
        "@",
        ":80",
        "/",
        "\\",
        "#",
        "?",
        "&Action=AssumeRole",
        "%2F",
        "..",
        "evil.com",
      ),
    );
    const changed = fc
      .tuple(fc.nat(valid.length), fc.nat(40), scrap)
      .map(([at, cut, put]) => valid.slice(0, at) + put + valid.slice(at + cut));
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, changed, hostileText), async (url) => {
        const { statusCode } = await send(url);
        expect([400, 401, 413]).toContain(statusCode);
      }),
      { numRuns: RUNS },
    );
    // It is asked at all, about a role that is another.
    expect(await send(valid)).toMatchObject({ statusCode: 401 });
    expect(sts.requests.length).toBeGreaterThan(0);
    for (const { url } of sts.requests) {
      expect(url).toMatch(/^https:\/\/sts\.[a-z]{2,4}-[a-z-]+-\d+\.amazonaws\.com\/\?/);
      const { searchParams } = new URL(url);
      expect(searchParams.getAll("Action")).toEqual(["GetCallerIdentity"]);
      expect([...searchParams.keys()]).toHaveLength(9);
    }
  });

  it("by any name registers only what the enrolment allows, in its own organization", async () => {
    const name = fc.oneof(
      hostileText,
      hostileText.map((text) => `worker-${text}`),
    );
    await fc.assert(
      fc.asyncProperty(name, async (agentId) => {
        const body = JSON.stringify({ agentId, publicKey: anyKey().jwk });
        const { statusCode } = await send(body, token);
        const isAllowed = ID_PATTERN.test(agentId) && matchesName(PATTERN, agentId);
        if (!isAllowed) expect([400, 403, 413]).toContain(statusCode);
        else expect([201, 409]).toContain(statusCode);
      }),
      { numRuns: RUNS },
    );
    for (const { organizationId, agentId, role } of await agents()) {
      expect({ organizationId, role }).toEqual({ organizationId: "acme", role: "agent" });
      expect(matchesName(PATTERN, agentId)).toBe(true);
    }
  });
});

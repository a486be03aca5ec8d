import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { LoginRefused, login } from "../../../lambda/authorize/login";
import { emptyFolder, run } from "../../../testing/cli/run";
import {
  DEFAULT_TERMS,
  loginClaims,
  signToken,
  type TestKey,
  testKey,
} from "../../../testing/login";

const NOW = 1_790_000_000_000;
const SECONDS = NOW / 1000;
const URL_OF_SERVICE = "wss://abc.example.com/prod";

async function inspect(token: string, key: TestKey) {
  const cwd = await emptyFolder();
  await writeFile(join(cwd, "a.pub"), JSON.stringify(key.jwk));
  const args = ["token", "inspect", "--url", URL_OF_SERVICE, "--public-key", "a.pub"];
  return run(args, { cwd, input: `${token}\n`, now: () => NOW });
}

/** Whether the service, with the agent's key registered, lets a token in. */
async function serviceAccepts(token: string, key: TestKey) {
  const registry = {
    find: async () => ({
      organizationId: "acme",
      agentId: "a1",
      role: "agent" as const,
      enabled: true,
      publicKeys: [{ ...key, addedAt: 0 }],
      createdAt: 0,
      updatedAt: 0,
    }),
    lasts: async () => true,
    countUses: async () => 0,
    useOnce: async () => true,
  };
  try {
    await login(token, [URL_OF_SERVICE], NOW, { registry, terms: DEFAULT_TERMS });
    return true;
  } catch (error) {
    if (!(error instanceof LoginRefused)) throw error;
    return false;
  }
}

describe("token inspect", () => {
  it("shows the claims of a valid token, and where it would be refused", async () => {
    const key = await testKey();
    const token = await signToken(key, loginClaims(URL_OF_SERVICE, NOW));
    const { code, stdout } = await inspect(token, key);
    expect(stdout).toContain("✓ claims: agent a1 of organization acme");
    expect(stdout).toContain(`✓ audience: ${URL_OF_SERVICE}`);
    expect(stdout).toContain(`✓ signature: by EdDSA with the key ${key.keyId}`);
    expect(code).toBe(0);
    const other = await run(["token", "inspect", token, "--url", "wss://other.example.com/prod"], {
      now: () => NOW,
    });
    expect(other.stdout).toContain(
      `✗ audience: expected wss://other.example.com/prod, got ${URL_OF_SERVICE}`,
    );
    expect(other.stdout).toContain("! signature: by EdDSA");
    expect(other.code).toBe(1);
  });

  it("compares a token for heartbeats over HTTP with the HTTP URL", async () => {
    const key = await testKey();
    const audience = "https://abc.lambda-url.eu-west-1.on.aws";
    const token = await signToken(key, loginClaims(audience, NOW));
    const inspectWith = (url: string) =>
      run(["token", "inspect", token, "--url", url], { now: () => NOW });
    const { code, stdout } = await inspectWith(`${audience}/`);
    expect(stdout).toContain(`✓ audience: ${audience}`);
    expect(code).toBe(0);
    const other = await inspectWith("https://other.lambda-url.eu-west-1.on.aws");
    expect(other.stdout).toContain(`expected https://other.lambda-url.eu-west-1.on.aws, got`);
    expect(other.stdout).toContain("https:// and the host of the HTTP URL");
  });

  it.each<[string, object, string]>([
    ["has no instance_id", { instance_id: undefined }, "claim instance_id"],
    ["has an empty jti", { jti: "" }, "claim jti: expected 1 to 64 characters"],
    ["has a jti of 65 characters", { jti: "x".repeat(65) }, "claim jti"],
    ["has half a character in its jti", { jti: "\ud800" }, "claim jti: expected whole characters"],
    ["has an interval of 0", { heartbeat_interval: 0 }, "claim heartbeat_interval"],
    ["has a negative timeout", { heartbeat_timeout: -1 }, "claim heartbeat_timeout"],
    ["has an interval as text", { heartbeat_interval: "30" }, "claim heartbeat_interval"],
    ["has an unknown policy", { on_duplicate: "ignore" }, "claim on_duplicate"],
    ["has a rotation that is a text", { rotation: "true" }, "claim rotation"],
    ["has an id that is none", { sub: "a b", iss: "a b" }, "claim iss: expected 1 to 128"],
    ["is issued by another agent", { iss: "a2" }, "expected iss to be the same as sub"],
    ["has milliseconds as iat", { iat: NOW, exp: NOW + 60_000 }, "a token may be valid for 60 s"],
    ["lives for too long", { exp: SECONDS + 61 }, "a token may be valid for 60 s"],
    ["is issued in the future", { iat: SECONDS + 31, exp: SECONDS + 60 }, "issued in the future"],
    ["has expired", { iat: SECONDS - 90, exp: SECONDS - 30 }, "expired"],
    ["is not valid yet", { nbf: SECONDS + 31 }, "not valid yet"],
    ["is for http", { aud: "https://abc.example.com/prod" }, "expected wss://abc.example.com/prod"],
    ["has a slash too many", { aud: `${URL_OF_SERVICE}/` }, "got wss://abc.example.com/prod/"],
    ["is for several audiences", { aud: [URL_OF_SERVICE] }, "claim aud"],
  ])(
    "reports the error in a token that %s, which the service refuses",
    async (_, claims, fault) => {
      const key = await testKey();
      const token = await signToken(key, loginClaims(URL_OF_SERVICE, NOW, claims));
      expect(await serviceAccepts(token, key)).toBe(false);
      const { code, stdout } = await inspect(token, key);
      expect(stdout).toContain(fault);
      expect(stdout).toContain("✗");
      expect(code).toBe(1);
    },
  );

  it.each<[string, object]>([
    ["has fractions of seconds", { iat: SECONDS - 0.5, exp: SECONDS + 59.5 }],
    ["is 29 s ahead", { iat: SECONDS + 29, exp: SECONDS + 60 }],
    ["is just not expired", { iat: SECONDS - 80, exp: SECONDS - 29 }],
    ["asks for an interval out of bounds", { heartbeat_interval: 0.001, heartbeat_timeout: 1e9 }],
    ["has claims of its own", { tenant: "x", nbf: SECONDS }],
  ])("accepts a token that %s, as the service does", async (_, claims) => {
    const key = await testKey();
    const token = await signToken(key, loginClaims(URL_OF_SERVICE, NOW, claims));
    expect(await serviceAccepts(token, key)).toBe(true);
    expect((await inspect(token, key)).code).toBe(0);
  });

  it.each<[string, (token: string) => string, string]>([
    [
      "has another signature",
      (token) => `${token.slice(0, -8)}AAAAAAAA`,
      "it was not made with the key",
    ],
    ["lacks its signature", (token) => token.slice(0, token.lastIndexOf(".")), "three parts"],
    ["is padded", (token) => `${token}=`, "base64url"],
    ["is cut", (token) => token.slice(5), "a header that is base64url"],
    ["is too long", (token) => token + "A".repeat(4096), "at most 4096 characters"],
    ["is no token", () => "hello", "three parts joined by dots, got 1"],
  ])("reports the error in a token that %s", async (_, change, fault) => {
    const key = await testKey();
    const token = change(await signToken(key, loginClaims(URL_OF_SERVICE, NOW)));
    expect(await serviceAccepts(token, key)).toBe(false);
    const { code, stdout } = await inspect(token, key);
    expect(stdout).toContain(fault);
    expect(code).toBe(1);
  });

  it("names the key if a token was signed with another one", async () => {
    const [key, other] = await Promise.all([testKey(), testKey()]);
    const token = await signToken(other, loginClaims(URL_OF_SERVICE, NOW));
    const { stdout } = await inspect(token, key);
    expect(stdout).toContain(`expected the kid ${key.keyId}, got ${other.keyId}`);
  });

  it("refuses a missing token and a bad URL", async () => {
    expect((await run(["token", "inspect"], { input: "" })).stderr).toContain(
      "Expected a token, got none.",
    );
    const url = await run(["token", "inspect", "a.b.c", "--url", "nonsense"]);
    expect(url.stderr).toContain('--url: expected a wss:// or https:// URL, got "nonsense".');
    expect(url.code).toBe(2);
  });
});

import { createPrivateKey, createPublicKey, webcrypto } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  HeartbeatAgent,
  KeyError,
  publicKeyFromJwk,
  publicKeyOf,
  signingKey,
  signLoginToken,
} from "@agent-heartbeat/sdk";
import { describe, expect, it } from "@jest/globals";
import { calculateJwkThumbprint, decodeProtectedHeader, importJWK, jwtVerify } from "jose";
import { FakeRuntime } from "../../../testing/fake-runtime";
import { newEd25519Key, newP256Key, newRsaKey, TEST_KEY } from "../../../testing/keys";
import { temporaryFolder } from "../../../testing/temporary-folder";

const KINDS = [
  ["RS256", newRsaKey()],
  ["ES256", newP256Key()],
  ["EdDSA", newEd25519Key()],
] as const;

const TERMS = {
  agentId: "agent-1",
  organizationId: "acme",
  audience: "wss://gateway.test/prod",
  heartbeatInterval: 30,
  heartbeatTimeout: 90,
  instanceId: "instance-1",
};

describe("a login token", () => {
  it.each(KINDS)(
    "is signed with %s for a key of that kind and verified by jose",
    async (alg, pem) => {
      const now = Date.UTC(2026, 0, 1, 0, 0, 0, 999);
      const token = await signLoginToken(TERMS, await signingKey(pem), now);
      const { jwk, keyId, algorithm } = await publicKeyOf(pem);
      expect(algorithm).toBe(alg);
      expect(keyId).toBe(await calculateJwkThumbprint(jwk, "sha256"));
      expect(decodeProtectedHeader(token)).toEqual({ alg, kid: keyId, typ: "JWT" });
      const { payload } = await jwtVerify(token, await importJWK(jwk, alg), {
        audience: TERMS.audience,
        currentDate: new Date(now),
      });
      expect(payload).toEqual({
        iss: "agent-1",
        sub: "agent-1",
        org: "acme",
        aud: "wss://gateway.test/prod",
        iat: Math.floor(now / 1000),
        exp: Math.floor(now / 1000) + 60,
        jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
        heartbeat_interval: 30,
        heartbeat_timeout: 90,
        instance_id: "instance-1",
      });
    },
  );
});

describe("a public key", () => {
  it.each(KINDS)("of kind %s has no private members", async (_, pem) => {
    const { jwk } = await publicKeyOf(pem);
    const full = createPrivateKey(pem).export({ format: "jwk" });
    expect(full).toHaveProperty("d");
    expect(jwk).not.toHaveProperty("d");
    expect((await publicKeyFromJwk(full)).jwk).toEqual(jwk);
  });
});

describe("a private key", () => {
  it.each([
    ["no PEM", "secret", "got other text"],
    [
      "a public key",
      "-----BEGIN PUBLIC KEY-----\nAA\n-----END PUBLIC KEY-----",
      "BEGIN PUBLIC KEY",
    ],
    ["a short RSA key", newRsaKey(1024), "an RSA key of 1024 bits"],
    ["another curve", webKeyOfAnotherCurve(), "the private key is not readable"],
    ["a broken JWK", '{"kty":', "the private key is not readable"],
    [
      "a public JWK",
      JSON.stringify(createPublicKey(TEST_KEY).export({ format: "jwk" })),
      "the private key is not readable",
    ],
  ])("that is %s is refused with what was expected", async (_, pem, message) => {
    await expect(signingKey(pem)).rejects.toThrow(KeyError);
    await expect(signingKey(pem)).rejects.toThrow(message);
  });

  it("never shows up in an error", async () => {
    const body = TEST_KEY.split("\n")[1] ?? "";
    await expect(signingKey(`${TEST_KEY.slice(0, 90)}`)).rejects.not.toThrow(body);
  });

  it.each([
    ["CRLF", TEST_KEY.replaceAll("\n", "\r\n")],
    ["literal \\n", TEST_KEY.replaceAll("\n", "\\n")],
    ["quotes and a byte order mark", `\uFEFF"${TEST_KEY}"`],
    ["other blocks", `-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n${TEST_KEY}`],
    ["a JWK", createPrivateKey(TEST_KEY).export({ format: "jwk" })],
    ["a JWK as text", JSON.stringify(createPrivateKey(TEST_KEY).export({ format: "jwk" }))],
  ])("is read without Node.js's crypto from %s", async (_, source) => {
    const { keyId } = await publicKeyOf(TEST_KEY);
    expect((await signingKey(source)).keyId).toBe(keyId);
  });

  it("may be a Web Crypto key, which needs its id if it is not extractable", async () => {
    const { subtle } = webcrypto;
    const pair = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
    await expect(signingKey(pair.privateKey)).rejects.toThrow("needs the option keyId");
    const { keyId } = await publicKeyFromJwk(await subtle.exportKey("jwk", pair.publicKey));
    expect(await signingKey(pair.privateKey, keyId)).toMatchObject({ algorithm: "ES256", keyId });
    await expect(signingKey(pair.publicKey)).rejects.toThrow(
      "expected a private key with the usage sign, got a public",
    );
  });

  it.each([
    ["a file", async () => ({ privateKeyPath: await keyFile(TEST_KEY) })],
    ["a KeyObject", async () => ({ privateKey: createPrivateKey(TEST_KEY) })],
    ["PEM in SEC 1", async () => ({ privateKey: sec1(TEST_KEY) })],
    ["PEM in PKCS #8", async () => ({ privateKey: TEST_KEY })],
  ])("reaches the agent as %s", async (_, key) => {
    const runtime = new FakeRuntime();
    const agent = newAgent({ ...(await key()), runtime });
    void agent.run();
    const [, token = ""] = (await runtime.socket(1)).protocols;
    expect(decodeProtectedHeader(token).kid).toBe((await publicKeyOf(TEST_KEY)).keyId);
    await agent.stop();
  });

  it("that can't be read makes start() and run() reject, and a later start may succeed", async () => {
    const runtime = new FakeRuntime();
    const path = await keyFile("broken");
    const agent = newAgent({ privateKeyPath: path, runtime });
    await expect(agent.start()).rejects.toThrow(KeyError);
    await expect(agent.run()).rejects.toThrow(KeyError);
    expect(agent.state).toBe("idle");
    await writeFile(path, TEST_KEY);
    void agent.run();
    expect((await runtime.socket(1)).isLive).toBe(true);
    await agent.stop();
  });

  it("whose file is missing is named in the error", async () => {
    const agent = newAgent({ privateKeyPath: "/nowhere/key.pem" });
    await expect(agent.run()).rejects.toThrow(
      "the private key at /nowhere/key.pem could not be read",
    );
  });
});

function newAgent(options: object): HeartbeatAgent {
  const url = "wss://gateway.test/prod";
  return new HeartbeatAgent({ agentId: "agent-1", organizationId: "acme", url, ...options });
}

async function keyFile(text: string): Promise<string> {
  const path = join(temporaryFolder(), "key.pem");
  await writeFile(path, text);
  return path;
}

const sec1 = (pem: string) =>
  createPrivateKey(pem).export({ type: "sec1", format: "pem" }).toString();

function webKeyOfAnotherCurve(): string {
  const { generateKeyPairSync } = require("node:crypto") as typeof import("node:crypto");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

import {
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  KeyObject as KeyObjects,
  webcrypto,
} from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { HeartbeatAgent, KeyError, publicKeyOf } from "@agent-heartbeat/sdk";
import { FleetWatcher } from "@agent-heartbeat/sdk/fleet";
import { publicKeyFrom } from "@agent-heartbeat/sdk/registry";
import { describe, expect, it } from "@jest/globals";
import { decodeProtectedHeader } from "jose";
import { FakeRuntime } from "../../../testing/fake-runtime";
import { newEd25519Key, newP256Key, newRsaKey } from "../../../testing/keys";
import { temporaryFolder } from "../../../testing/temporary-folder";

const P256 = newP256Key();
const RSA = newRsaKey();
const ED25519 = newEd25519Key();
const OTHER = newP256Key();
const PASSPHRASE = "correct horse";

const object = (pem: string): KeyObject => createPrivateKey(pem);
const pem = (key: string, type: "pkcs8" | "pkcs1" | "sec1", cipher?: string) =>
  object(key)
    .export({ type, format: "pem", ...(cipher && { cipher, passphrase: PASSPHRASE }) } as never)
    .toString();
const der = (key: string, type: "pkcs8" | "pkcs1" | "sec1") =>
  object(key).export({ type, format: "der" } as never) as unknown as Buffer;
const jwk = (key: string) => object(key).export({ format: "jwk" });
const base64 = (text: string | Buffer) => Buffer.from(text).toString("base64");
const spki = (key: string) =>
  createPublicKey(key).export({ type: "spki", format: "pem" }).toString();

/** A block that OpenSSL writes before an EC key, and a certificate that no test reads. */
const EC_PARAMETERS =
  "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----\n";

/** What AWS Secrets Manager answers. */
const secret = (SecretString: string) => ({
  ARN: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:worker-AbCdEf",
  Name: "worker",
  VersionStages: ["AWSCURRENT"],
  CreatedDate: new Date(0),
  $metadata: { httpStatusCode: 200 },
  SecretString,
});

const FORMS: [string, string, unknown][] = [
  ["PKCS #8, P-256", P256, P256],
  ["PKCS #8, RSA", RSA, RSA],
  ["PKCS #8, Ed25519", ED25519, ED25519],
  ["PKCS #1", RSA, pem(RSA, "pkcs1")],
  ["SEC 1", P256, pem(P256, "sec1")],
  ["EC PARAMETERS before the key", P256, EC_PARAMETERS + pem(P256, "sec1")],
  ["a certificate after the key", RSA, RSA + CERTIFICATE],
  ["certificates before the key", RSA, CERTIFICATE + CERTIFICATE + RSA],
  ["its public key beside it", P256, spki(P256) + P256],
  ["the same key twice", P256, P256 + pem(P256, "sec1")],
  ["text around the block", P256, `Bag Attributes\n  friendlyName: x\n${P256}\n# end\n`],
  ["CRLF", P256, P256.replaceAll("\n", "\r\n")],
  ["CR alone", P256, P256.replaceAll("\n", "\r")],
  ["literal \\n", P256, P256.replaceAll("\n", "\\n")],
  ["literal \\r\\n", P256, P256.replaceAll("\n", "\\r\\n")],
  ["literal \\\\n", P256, P256.replaceAll("\n", "\\\\n")],
  ["spaces for line ends", P256, P256.replaceAll("\n", " ").trim()],
  ["no line ends at all", P256, P256.replaceAll("\n", "")],
  ["indented lines", P256, P256.replaceAll(/^/gm, "    ")],
  [
    "one long line in the block",
    RSA,
    RSA.replaceAll(/\n(?!-)/g, "").replace("KEY-----", "KEY-----\n"),
  ],
  ["white space around", P256, ` \n\t${P256}\n\n `],
  ["double quotes", P256, `"${P256}"`],
  ["single quotes", P256, `'${P256}'`],
  ["quotes and literal \\n", P256, `"${P256.replaceAll("\n", "\\n")}"`],
  ["quotes in quotes", P256, `'"${P256}"'`],
  ["a byte order mark", P256, `\uFEFF${P256}`],
  ["JSON text of a PEM", P256, JSON.stringify(P256)],
  ["bytes of a PEM", P256, Buffer.from(P256)],
  ["Uint8Array of a PEM", P256, new Uint8Array(Buffer.from(P256))],
  ["ArrayBuffer of a PEM", P256, new Uint8Array(Buffer.from(P256)).buffer],
  ["bytes with a byte order mark", P256, Buffer.from(`\uFEFF${P256}`)],
  ["UTF-16, little end first", P256, Buffer.from(`\uFEFF${P256}`, "utf16le")],
  ["UTF-16, big end first", P256, Buffer.from(`\uFEFF${P256}`, "utf16le").swap16()],
  ["DER, PKCS #8", P256, der(P256, "pkcs8")],
  ["DER, PKCS #1", RSA, der(RSA, "pkcs1")],
  ["DER, SEC 1", P256, der(P256, "sec1")],
  ["base64 of a PEM", P256, base64(P256)],
  ["base64 in lines", RSA, base64(RSA).replaceAll(/.{76}/g, "$&\n")],
  ["base64 of base64", P256, base64(base64(P256))],
  ["base64url of DER", P256, der(P256, "pkcs8").toString("base64url")],
  ["base64 of DER", ED25519, base64(der(ED25519, "pkcs8"))],
  ["base64 of a JWK", P256, base64(JSON.stringify(jwk(P256)))],
  ["a KeyObject", P256, object(P256)],
  ["a JWK", P256, jwk(P256)],
  [
    "a JWK for another use",
    RSA,
    { ...jwk(RSA), use: "enc", alg: "RSA-OAEP", key_ops: ["decrypt"] },
  ],
  ["a JWK as text", ED25519, JSON.stringify(jwk(ED25519))],
  ["a set of JWKs", P256, { keys: [jwk(P256)] }],
  ["a secret of one field", P256, { privateKey: P256 }],
  ["a secret as text", P256, JSON.stringify({ private_key: P256, agent: "worker-1" })],
  [
    "a secret of a service account",
    RSA,
    { type: "service_account", private_key_id: "0f".repeat(20), private_key: RSA },
  ],
  ["Secrets Manager's answer, PEM", P256, secret(P256)],
  ["Secrets Manager's answer, JSON", P256, secret(JSON.stringify({ key: P256, user: "x" }))],
  ["Secrets Manager's answer, bytes", P256, { ...secret(""), SecretBinary: Buffer.from(P256) }],
  ["Parameter Store's answer", P256, { Parameter: { Name: "/worker/key", Value: P256 } }],
  [
    "a Kubernetes secret",
    RSA,
    { data: { "tls.crt": base64(CERTIFICATE), "tls.key": base64(RSA) } },
  ],
  ["the pair in one secret", P256, { publicKey: spki(P256), privateKey: P256 }],
];

describe("a private key", () => {
  it.each(FORMS)("is found in %s", async (_, key, privateKey) => {
    const { keyId } = await publicKeyOf(key);
    expect(await keyIdAtLogin({ privateKey: privateKey as string })).toBe(keyId);
    expect(await keyIdAtLogin({ privateKey: async () => privateKey as string })).toBe(keyId);
  });

  const readable = FORMS.flatMap(([name, key, form]) =>
    typeof form === "string" || Buffer.isBuffer(form) ? [[name, key, form] as const] : [],
  );
  it.each(readable)("is found in a file with %s", async (_, key, form) => {
    const path = join(temporaryFolder(), "key");
    await writeFile(path, form);
    const { keyId } = await publicKeyOf(key);
    expect(await keyIdAtLogin({ privateKeyPath: path })).toBe(keyId);
    expect(await keyIdAtLogin({ privateKeyPath: pathToFileURL(path) })).toBe(keyId);
  });

  it.each(FORMS)("is registered by its public half from %s", async (_, key, form) => {
    expect(await publicKeyFrom(form as string)).toEqual(await publicKeyOf(key));
  });

  it("may be a Web Crypto key", async () => {
    const bytes = der(P256, "pkcs8");
    const kind = { name: "ECDSA", namedCurve: "P-256" };
    const key = await webcrypto.subtle.importKey("pkcs8", bytes, kind, true, ["sign"]);
    const { keyId } = await publicKeyOf(P256);
    expect(await keyIdAtLogin({ privateKey: key })).toBe(keyId);
    expect(await keyIdAtLogin({ privateKey: KeyObjects.from(key) })).toBe(keyId);
  });

  it.each([
    ["PKCS #8", P256, pem(P256, "pkcs8", "aes-256-cbc")],
    ["PKCS #1", RSA, pem(RSA, "pkcs1", "aes-128-cbc")],
    ["SEC 1", P256, pem(P256, "sec1", "aes-256-cbc")],
    ["SEC 1 with CRLF", P256, pem(P256, "sec1", "aes-256-cbc").replaceAll("\n", "\r\n")],
    ["SEC 1 with literal \\n", P256, pem(P256, "sec1", "aes-256-cbc").replaceAll("\n", "\\n")],
    ["a secret", P256, JSON.stringify({ key: pem(P256, "pkcs8", "aes-256-cbc") })],
  ])("that is encrypted as %s is opened by its passphrase", async (_, key, privateKey) => {
    const { keyId } = await publicKeyOf(key);
    expect(await keyIdAtLogin({ privateKey, passphrase: PASSPHRASE })).toBe(keyId);
    await expect(keyIdAtLogin({ privateKey })).rejects.toThrow(
      "got a private key that is encrypted, and no passphrase",
    );
    await expect(keyIdAtLogin({ privateKey, passphrase: "wrong" })).rejects.toThrow(
      "that its passphrase does not open",
    );
  });

  it.each([
    ["an empty text", "", "got an empty text"],
    ["white space", " \n", "got an empty text"],
    ["a path", "/etc/keys/worker.pem", "got the path of a file"],
    ["a public key", spki(P256), "got -----BEGIN PUBLIC KEY-----"],
    ["a certificate", CERTIFICATE, "got -----BEGIN CERTIFICATE-----"],
    ["a public JWK", createPublicKey(P256).export({ format: "jwk" }), "without the member d"],
    ["a public KeyObject", createPublicKey(P256), "got a public key"],
    ["two keys", P256 + OTHER, "got 2 different keys"],
    ["a secret with two keys", { old: P256, new: OTHER }, "got different keys in old, new"],
    ["a secret without any", { user: "x", password: "y" }, "none in its members (user, password)"],
    ["PEM without its end", P256.slice(0, 90), "got PEM without its last line"],
    ["a damaged PEM", P256.replace("M", "?"), "-----BEGIN PRIVATE KEY----- that can't be read"],
    [
      "OpenSSH's format",
      "-----BEGIN OPENSSH PRIVATE KEY-----\nAA==\n-----END OPENSSH PRIVATE KEY-----",
      "OpenSSH's own format",
    ],
    ["broken JSON", '{"key": "', "got JSON that can't be parsed"],
    ["other bytes", Buffer.from([0x30, 0x82, 0xff, 0x00]), "neither text nor a key in DER"],
    ["a number", 42, "got a value of type number"],
    ["null from a secret store", () => null, "got null"],
    ["undefined from a secret store", () => undefined, "got a value of type undefined"],
  ])("is refused with what was found: %s", async (_, privateKey, message) => {
    const found = keyIdAtLogin({ privateKey: privateKey as string });
    await expect(found).rejects.toThrow(KeyError);
    await expect(found).rejects.toThrow(message);
  });

  it("is never quoted in an error, whatever was done to it", async () => {
    const body = P256.split("\n")[1] ?? "";
    const damaged = [
      P256.replace("-----END", "----END"),
      P256.replace("M", "?"),
      `{"key": "${P256}`,
      JSON.stringify({ ...jwk(P256), x: "?" }),
      base64(P256).slice(1),
      `${body}${body}`,
    ];
    for (const privateKey of damaged) {
      const error = await keyIdAtLogin({ privateKey }).catch((e) => e);
      expect(error).toBeInstanceOf(KeyError);
      const texts = [error, error.cause].map((e) => `${e?.message} ${e?.stack}`).join();
      for (const part of [body.slice(0, 12), String(jwk(P256).d).slice(0, 12)]) {
        expect(texts).not.toContain(part);
      }
    }
  });

  it("from an environment variable that is not set is an error at once", () => {
    const options = { agentId: "a", organizationId: "o", url: "wss://gateway.test/prod" };
    const message = "got none (is the environment variable set?)";
    expect(
      () => new HeartbeatAgent({ ...options, privateKey: process.env.NOT_SET as never }),
    ).toThrow(message);
    expect(
      () => new FleetWatcher({ ...options, privateKey: process.env.NOT_SET as never }),
    ).toThrow(message);
  });
});

/** The id of the key that an agent signs its first login with. Rejects as its start does, or with why a login failed. */
async function keyIdAtLogin(
  options: Pick<
    ConstructorParameters<typeof HeartbeatAgent>[0],
    "privateKey" | "privateKeyPath" | "passphrase"
  >,
): Promise<string | undefined> {
  const runtime = new FakeRuntime();
  const url = "wss://gateway.test/prod";
  const agent = new HeartbeatAgent({
    agentId: "agent-1",
    organizationId: "acme",
    url,
    runtime,
    logger: null,
    ...options,
  });
  const failed = new Promise<never>((_, reject) => {
    agent.on("attemptFailed", ({ error }) => reject(new KeyError(error.message)));
    agent.start().catch(reject);
  });
  try {
    const [, token = ""] = (await Promise.race([runtime.socket(1), failed])).protocols;
    return decodeProtectedHeader(token).kid;
  } finally {
    failed.catch(() => undefined);
    await agent.stop();
  }
}

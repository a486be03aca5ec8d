import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { KeyError, publicKeyFrom } from "@agent-heartbeat/sdk/registry";
import { describe, expect, it } from "@jest/globals";
import { calculateJwkThumbprint, type JWK } from "jose";

const PAIRS = {
  RS256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: generateKeyPairSync("ed25519"),
} as const;

const pemOf = (key: KeyObject, type: "spki" | "pkcs8") =>
  key.export({ type, format: "pem" }).toString();

describe.each(Object.entries(PAIRS))("a public key for %s", (algorithm, pair) => {
  const jwk = pair.publicKey.export({ format: "jwk" });

  it("is read from a public PEM, a private PEM and a JWK, always the same", async () => {
    const expected = { algorithm, jwk, keyId: await calculateJwkThumbprint(jwk as JWK) };
    const sources = [
      pemOf(pair.publicKey, "spki"),
      pemOf(pair.privateKey, "pkcs8"),
      jwk,
      JSON.stringify(jwk),
      JSON.stringify({ ...jwk, use: "sig", kid: "chosen", alg: "none" }),
    ];
    for (const source of sources) expect(await publicKeyFrom(source)).toEqual(expected);
  });

  it("never keeps a private member", async () => {
    const { jwk: kept } = await publicKeyFrom(pair.privateKey.export({ format: "jwk" }));
    expect(kept).toEqual(jwk);
  });
});

describe("a key that is not accepted", () => {
  it.each([
    ["an RSA key of 1024 bits", generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey],
    ["a P-384 key", generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey],
    ["an X25519 key", generateKeyPairSync("x25519").publicKey],
    ["a secp256k1 key", generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey],
    ["an RSA-PSS key", generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).publicKey],
  ])("is refused: %s", async (_, key) => {
    await expect(publicKeyFrom(pemOf(key, "spki"))).rejects.toThrow(KeyError);
  });

  it.each([
    ["no key", "hello"],
    ["broken JSON", "{"],
    ["a JWK of a symmetric key", '{"kty":"oct","k":"AAAA"}'],
    ["an empty text", ""],
    ["a damaged PEM", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"],
  ])("is refused: %s", async (_, source) => {
    await expect(publicKeyFrom(source)).rejects.toThrow(KeyError);
  });

  it("is not repeated in the message, for it may be private", async () => {
    const secret = pemOf(PAIRS.EdDSA.privateKey, "pkcs8").replace("M", "?");
    await expect(publicKeyFrom(secret)).rejects.toThrow(
      /got -----BEGIN PRIVATE KEY----- that can't be read$/,
    );
  });
});

/** Reads the public key with which an agent registers itself. */

import { createPublicKey, type KeyObject } from "node:crypto";
import { calculateJwkThumbprint } from "jose";
import type { KeyAlgorithm, PublicJwk, PublicKey } from "../../core/public-key";

/** Longer ones take too long to verify a login with. */
const RSA_BITS = { least: 2048, most: 8192 };

const FORM =
  "the public key of an RSA key of 2048 to 8192 bits, a P-256 key or an Ed25519 key, in PEM (-----BEGIN PUBLIC KEY-----) or as a JWK";

/** @throws Error with what was expected. It never quotes the key */
export async function readPublicKey(source: unknown): Promise<PublicKey> {
  const key = keyIn(source);
  const { kty, crv, x, y, n, e } = key.export({ format: "jwk" }) as PublicJwk;
  const algorithm = algorithmOf(key);
  const jwk: PublicJwk =
    algorithm === "RS256"
      ? { kty: "RSA", n: String(n), e: String(e) }
      : { kty: String(kty), crv: String(crv), x: String(x), ...(y !== undefined && { y }) };
  return { keyId: await calculateJwkThumbprint(jwk as { kty: string }), algorithm, jwk };
}

function keyIn(source: unknown): KeyObject {
  const isPem = typeof source === "string" && source.includes("-----BEGIN PUBLIC KEY-----");
  if (isPem && source.includes("PRIVATE KEY")) throw wrong("a private key beside it");
  const isJwk = typeof source === "object" && source !== null && "kty" in source;
  if (isJwk && "d" in source) throw wrong("a private key");
  if (!isPem && !isJwk) throw wrong("something else");
  try {
    return isPem
      ? createPublicKey(source)
      : createPublicKey({ key: source as Record<string, string>, format: "jwk" });
  } catch (cause) {
    throw wrong("one that can't be read", cause);
  }
}

function algorithmOf(key: KeyObject): KeyAlgorithm {
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === "ed25519") return "EdDSA";
  if (namedCurve === "prime256v1") return "ES256";
  const isRsa = key.asymmetricKeyType === "rsa";
  if (isRsa && modulusLength >= RSA_BITS.least && modulusLength <= RSA_BITS.most) return "RS256";
  throw wrong(isRsa ? `an RSA key of ${modulusLength} bits` : "a key of another kind");
}

const wrong = (got: string, cause?: unknown) =>
  new Error(`publicKey: expected ${FORM}, got ${got}`, { cause });

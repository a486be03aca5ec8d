/** Private keys: their algorithm, their id, and their form for signing, from PEM text or Web Crypto. */

import { type CryptoKey, calculateJwkThumbprint, exportJWK, importPKCS8, type JWK } from "jose";
import { KeyError } from "./errors";

/** The signature algorithms of login tokens: RSA, P-256 and Ed25519 keys. */
export type KeyAlgorithm = "RS256" | "ES256" | "EdDSA";

/** A private key, ready to sign with. */
export interface SigningKey {
  key: CryptoKey;
  algorithm: KeyAlgorithm;
  /** RFC 7638 thumbprint of the public key. */
  keyId: string;
}

/** A public key as the registry holds it. */
export interface PublicKey {
  /** RFC 7638 thumbprint. */
  keyId: string;
  algorithm: KeyAlgorithm;
  jwk: JWK;
}

const ALGORITHMS = ["ES256", "EdDSA", "RS256"] as const satisfies readonly KeyAlgorithm[];
const ACCEPTED = "an RSA key of at least 2048 bits, a P-256 key or an Ed25519 key";
const MIN_RSA_BITS = 2048;

/**
 * The key in a PEM text (PKCS #8) or in a Web Crypto key.
 *
 * @param keyId needed for a Web Crypto key that is not extractable, whose id can't be computed
 * @throws KeyError if it is not a private key of an accepted kind.
 */
export async function signingKey(source: string | CryptoKey, keyId?: string): Promise<SigningKey> {
  if (typeof source !== "string") return fromCryptoKey(source, keyId);
  const { key, algorithm } = await importPem(source, true);
  const jwk = await exportJWK(key);
  return {
    // Not extractable: from here on nothing needs the key's value.
    key: await importPKCS8(source, algorithm),
    algorithm,
    keyId: keyId ?? (await thumbprint(jwk)),
  };
}

/**
 * The public half of a private key in PEM (PKCS #8), for registration.
 *
 * @throws KeyError if it is not a private key of an accepted kind.
 */
export async function publicKeyOf(privateKeyPem: string): Promise<PublicKey> {
  const { key, algorithm } = await importPem(privateKeyPem, true);
  const jwk = publicMembers(await exportJWK(key));
  return { keyId: await thumbprint(jwk), algorithm, jwk };
}

/**
 * The id and algorithm of a public key given as a JWK; any private members are left out.
 *
 * @throws KeyError if it is not of an accepted kind.
 */
export async function publicKeyFromJwk(source: JWK): Promise<PublicKey> {
  const jwk = publicMembers(source);
  return { keyId: await thumbprint(jwk), algorithm: algorithmOf(jwk), jwk };
}

/**
 * Which algorithm a key of this kind signs with.
 *
 * @throws KeyError if it is not of an accepted kind.
 */
export function algorithmOf({ kty, crv }: JWK): KeyAlgorithm {
  if (kty === "RSA") return "RS256";
  if (kty === "EC" && crv === "P-256") return "ES256";
  if (kty === "OKP" && crv === "Ed25519") return "EdDSA";
  throw new KeyError(`expected ${ACCEPTED}, got kty ${kty ?? "none"}, crv ${crv ?? "none"}`);
}

async function importPem(pem: string, extractable: boolean) {
  let cause: unknown;
  for (const algorithm of ALGORITHMS) {
    try {
      const key = await importPKCS8(pem, algorithm, { extractable });
      checkLength(key);
      return { key, algorithm };
    } catch (error) {
      if (error instanceof KeyError) throw error;
      cause = error;
    }
  }
  throw new KeyError(
    `the private key is not readable: expected PEM text (PKCS #8) of ${ACCEPTED}, ` +
      `got ${pem.startsWith("-----BEGIN") ? pem.slice(0, pem.indexOf("\n")) : "other text"}`,
    { cause },
  );
}

async function fromCryptoKey(key: CryptoKey, keyId: string | undefined): Promise<SigningKey> {
  if (key.type !== "private") throw new KeyError(`expected a private key, got a ${key.type} key`);
  if (!key.usages.includes("sign")) throw new KeyError('expected a key with the usage "sign"');
  const algorithm = webCryptoAlgorithm(key);
  checkLength(key);
  if (keyId !== undefined) return { key, algorithm, keyId };
  if (!key.extractable) {
    throw new KeyError("a key that is not extractable needs its id in the option keyId");
  }
  return { key, algorithm, keyId: await thumbprint(await exportJWK(key)) };
}

function webCryptoAlgorithm({ algorithm }: CryptoKey): KeyAlgorithm {
  const { name, namedCurve, hash } = algorithm as {
    name: string;
    namedCurve?: string;
    hash?: { name: string };
  };
  if (name === "RSASSA-PKCS1-v1_5" && hash?.name === "SHA-256") return "RS256";
  if (name === "ECDSA" && namedCurve === "P-256") return "ES256";
  if (name === "Ed25519") return "EdDSA";
  throw new KeyError(`expected ${ACCEPTED}, got ${name} ${namedCurve ?? hash?.name ?? ""}`.trim());
}

function checkLength({ algorithm }: CryptoKey): void {
  const { modulusLength } = algorithm as { modulusLength?: number };
  if (modulusLength !== undefined && modulusLength < MIN_RSA_BITS) {
    throw new KeyError(`expected ${ACCEPTED}, got an RSA key of ${modulusLength} bits`);
  }
}

function publicMembers(jwk: JWK): JWK {
  const members = { RS256: ["n", "e"], ES256: ["crv", "x", "y"], EdDSA: ["crv", "x"] };
  const names = ["kty", ...members[algorithmOf(jwk)]];
  return Object.fromEntries(names.map((name) => [name, jwk[name as keyof JWK]])) as JWK;
}

const thumbprint = (jwk: JWK) => calculateJwkThumbprint(jwk, "sha256");

/** Private keys: their algorithm, their id, and their form for signing, from PEM text or Web Crypto. */

import type { KeyAlgorithm, PublicJwk, PublicKey } from "../../../core/public-key";
import { KeyError } from "../errors";

/** A Web Crypto key. */
export type CryptoKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** A private key as a JSON Web Key. */
export interface PrivateJwk extends PublicJwk {
  d?: string;
  p?: string;
  q?: string;
  dp?: string;
  dq?: string;
  qi?: string;
}

/** A private key, ready to sign with. */
export interface SigningKey {
  key: CryptoKey;
  algorithm: KeyAlgorithm;
  /** RFC 7638 thumbprint of the public key. */
  keyId: string;
}

/** What Web Crypto calls each algorithm when it imports a key, and when it signs. */
export const WEB_CRYPTO = {
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  EdDSA: { name: "Ed25519" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
} as const satisfies Record<KeyAlgorithm, object>;

/** The members that identify a public key, in the order that RFC 7638 hashes them. */
const MEMBERS = {
  ES256: ["crv", "kty", "x", "y"],
  EdDSA: ["crv", "kty", "x"],
  RS256: ["e", "kty", "n"],
} as const satisfies Record<KeyAlgorithm, readonly (keyof PublicJwk)[]>;

const ALGORITHMS = Object.keys(WEB_CRYPTO) as KeyAlgorithm[];
/** What keys are accepted, for error messages. */
export const ACCEPTED = "an RSA key of at least 2048 bits, a P-256 key or an Ed25519 key";
/** RSA keys with fewer bits are refused. */
export const MIN_RSA_BITS = 2048;

/**
 * The key in a PEM text (PKCS #8), a JWK (an object, or its JSON text) or a Web Crypto key.
 *
 * @param keyId needed for a Web Crypto key that is not extractable, whose id can't be computed
 * @throws KeyError if it is not a private key of an accepted kind.
 */
export async function signingKey(
  source: string | PrivateJwk | CryptoKey,
  keyId?: string,
): Promise<SigningKey> {
  if (typeof source !== "string" && "usages" in source) return fromCryptoKey(source, keyId);
  const { key, algorithm } = await importKey(source);
  return {
    // Not extractable: from here on nothing needs the key's value.
    key: await importAs(algorithm, source, false),
    algorithm,
    keyId: keyId ?? (await keyIdOf(key)),
  };
}

/**
 * The public half of a private key in PEM (PKCS #8) or of a private JWK, for registration.
 *
 * @throws KeyError if it is not a private key of an accepted kind.
 */
export async function publicKeyOf(privateKey: string | PrivateJwk): Promise<PublicKey> {
  const { key } = await importKey(privateKey);
  return publicKeyFromJwk(await crypto.subtle.exportKey("jwk", key));
}

/**
 * The id and algorithm of a public key given as a JWK; any private members are left out.
 *
 * @throws KeyError if it is not of an accepted kind.
 */
export async function publicKeyFromJwk(source: PublicJwk): Promise<PublicKey> {
  const algorithm = algorithmOf(source);
  const jwk: PublicJwk = {};
  for (const name of MEMBERS[algorithm]) {
    const value = source[name];
    if (value === undefined) throw new KeyError(`expected a JWK with the member ${name}, got none`);
    jwk[name] = value;
  }
  const bytes = new TextEncoder().encode(JSON.stringify(jwk));
  const keyId = base64url(await crypto.subtle.digest("SHA-256", bytes));
  return { keyId, algorithm, jwk };
}

/**
 * Which algorithm a key of this kind signs with.
 *
 * @throws KeyError if it is not of an accepted kind.
 */
export function algorithmOf({ kty, crv }: PublicJwk): KeyAlgorithm {
  if (kty === "RSA") return "RS256";
  if (kty === "EC" && crv === "P-256") return "ES256";
  if (kty === "OKP" && crv === "Ed25519") return "EdDSA";
  throw new KeyError(`expected ${ACCEPTED}, got kty ${kty ?? "none"}, crv ${crv ?? "none"}`);
}

/** Bytes as unpadded base64url. */
export function base64url(bytes: ArrayBuffer | Uint8Array): string {
  const text = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function importKey(source: string | PrivateJwk) {
  let cause: unknown;
  for (const algorithm of ALGORITHMS) {
    try {
      const key = await importAs(algorithm, source, true);
      checkLength(key);
      return { key, algorithm };
    } catch (error) {
      if (error instanceof KeyError) throw error;
      // A parser's error quotes the text, which is private.
      if (!(error instanceof SyntaxError)) cause = error;
    }
  }
  throw new KeyError(`the private key is not readable: expected PEM or JWK of ${ACCEPTED}`, {
    cause,
  });
}

function importAs(
  algorithm: KeyAlgorithm,
  source: string | PrivateJwk,
  extractable: boolean,
): Promise<CryptoKey> {
  const { subtle } = crypto;
  const kind = WEB_CRYPTO[algorithm];
  const isJson = typeof source === "string" && source.trimStart().startsWith("{");
  const jwk = isJson ? (JSON.parse(source) as PrivateJwk) : source;
  if (typeof jwk === "string") {
    return subtle.importKey("pkcs8", derOf(jwk), kind, extractable, ["sign"]);
  }
  // What a JWK says of its use may exclude this one.
  const any = { ...jwk, alg: undefined, use: undefined, key_ops: undefined, ext: undefined };
  return subtle.importKey("jwk", any as PrivateJwk, kind, extractable, ["sign"]);
}

/** Line ends may be of any system, or have become a backslash and a letter in an environment variable. */
function derOf(pem: string) {
  const body = /-----BEGIN PRIVATE KEY-----([^-]*)-----END PRIVATE KEY-----/.exec(pem)?.[1];
  if (body === undefined) {
    const got = /-----BEGIN [A-Z ]+-----/.exec(pem)?.[0] ?? "other text";
    throw new KeyError(`expected a private key in PEM (-----BEGIN PRIVATE KEY-----), got ${got}`);
  }
  const base64 = body.replace(/\s|\\+[nr]/g, "");
  return Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0));
}

async function fromCryptoKey(key: CryptoKey, keyId: string | undefined): Promise<SigningKey> {
  if (!key.usages.includes("sign")) {
    throw new KeyError(`expected a private key with the usage sign, got a ${key.type} key`);
  }
  const algorithm = webCryptoAlgorithm(key);
  checkLength(key);
  if (keyId !== undefined) return { key, algorithm, keyId };
  if (!key.extractable) {
    throw new KeyError("a key that is not extractable needs the option keyId");
  }
  return { key, algorithm, keyId: await keyIdOf(key) };
}

function webCryptoAlgorithm({ algorithm }: CryptoKey): KeyAlgorithm {
  const has = algorithm as { name: string; namedCurve?: string; hash?: { name: string } };
  const found = ALGORITHMS.find((candidate) => {
    const wanted: { name: string; namedCurve?: string; hash?: string } = WEB_CRYPTO[candidate];
    // Where the hash is chosen when signing, the key has none.
    const hash = has.hash?.name ?? wanted.hash;
    return has.name === wanted.name && has.namedCurve === wanted.namedCurve && hash === wanted.hash;
  });
  if (found) return found;
  throw new KeyError(`expected ${ACCEPTED}, got ${JSON.stringify(has)}`);
}

function checkLength({ algorithm }: CryptoKey): void {
  const { modulusLength } = algorithm as { modulusLength?: number };
  if (modulusLength !== undefined && modulusLength < MIN_RSA_BITS) {
    throw new KeyError(`expected ${ACCEPTED}, got an RSA key of ${modulusLength} bits`);
  }
}

const keyIdOf = async (key: CryptoKey) =>
  (await publicKeyFromJwk(await crypto.subtle.exportKey("jwk", key))).keyId;

/** Reads a public key in the forms that operators have it in, and refuses kinds that are not accepted. */

import { createPublicKey, type KeyObject } from "node:crypto";
import type { PublicJwk, PublicKey } from "../../../core/public-key";
import { publicKeyFromJwk } from "../connection/keys";
import { KeyError } from "../errors";

const MIN_RSA_BITS = 2048;
const ACCEPTED = "an RSA key of at least 2048 bits, a P-256 key or an Ed25519 key";

/**
 * The public key in a PEM text (a private key's public half is taken) or a JWK, as object or JSON text.
 *
 * @throws KeyError if it is no key, or of a kind that is not accepted
 */
export async function publicKeyFrom(source: string | PublicJwk): Promise<PublicKey> {
  const key = read(source);
  const kind = key.asymmetricKeyType;
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < MIN_RSA_BITS) {
    throw new KeyError(`public key: expected ${ACCEPTED}, got an RSA key of ${bits} bits`);
  }
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (kind !== "rsa" && kind !== "ed25519" && curve !== "prime256v1") {
    throw new KeyError(`public key: expected ${ACCEPTED}, got ${[kind, curve].join(" ").trim()}`);
  }
  return publicKeyFromJwk(key.export({ format: "jwk" }) as PublicJwk);
}

function read(source: string | PublicJwk): KeyObject {
  try {
    const jwk = typeof source === "string" ? jwkIn(source) : source;
    if (jwk === undefined) return createPublicKey(source as string);
    const { kty, crv, x, y, n, e } = jwk;
    // Through JSON, so that absent members are not there as undefined.
    const members = JSON.parse(JSON.stringify({ kty, crv, x, y, n, e }));
    return createPublicKey({ key: members, format: "jwk" });
  } catch (cause) {
    const got = typeof source === "string" ? firstLine(source) : `a JWK of kty ${source.kty}`;
    throw new KeyError(`public key: expected ${ACCEPTED} as PEM or JWK, got ${got}`, { cause });
  }
}

function jwkIn(text: string): PublicJwk | undefined {
  return text.trimStart().startsWith("{") ? JSON.parse(text) : undefined;
}

/** Never more than a PEM's label: the text may hold a private key. */
function firstLine(text: string): string {
  return /-----BEGIN [A-Z0-9 ]+-----/.exec(text)?.[0] ?? "another text";
}

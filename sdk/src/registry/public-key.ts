/** Reads a public key in the forms that operators have it in, and refuses kinds that are not accepted. */

import { createPublicKey } from "node:crypto";
import type { PublicJwk, PublicKey } from "../../../core/public-key";
import { publicKeyFromJwk } from "../connection/keys";
import { keyIn } from "../platform/key-material";

/** A key in a form that `publicKeyFrom` reads. */
export type PublicKeySource = string | Uint8Array | PublicJwk;

/**
 * The public key in a PEM text (of a private key or a certificate its public half is taken), in DER, or in a JWK, as
 * object or JSON text; also in base64 of these, or in JSON of which one member holds it.
 *
 * @throws KeyError if it is no key, or of a kind that is not accepted
 */
export async function publicKeyFrom(source: PublicKeySource): Promise<PublicKey> {
  const key = keyIn(source, "public");
  const half = key.type === "private" ? createPublicKey(key) : key;
  return publicKeyFromJwk(half.export({ format: "jwk" }) as PublicJwk);
}

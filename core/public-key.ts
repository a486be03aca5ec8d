/** The types of public keys, as the registry stores them. */

/** The signature algorithms of login tokens: RSA, P-256 and Ed25519 keys. */
export type KeyAlgorithm = "RS256" | "ES256" | "EdDSA";

/** A public key as a JSON Web Key. */
export interface PublicJwk {
  kty?: string;
  crv?: string;
  x?: string;
  y?: string;
  n?: string;
  e?: string;
}

/** A public key as the registry stores it. */
export interface PublicKey {
  /** RFC 7638 thumbprint. */
  keyId: string;
  algorithm: KeyAlgorithm;
  jwk: PublicJwk;
}

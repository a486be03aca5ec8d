/** The secrets in ping URLs. */

import { createHash, createPrivateKey, createPublicKey, randomBytes } from "node:crypto";
import { decodeId, encodeId } from "./id-text";
import type { PublicKey } from "./public-key";

/** The agent in base64url, and 128 random bits. */
const SECRET = /^([\w-]{2,171})\.([\w-]{2,171})\.([\w-]{22})$/;

/** What precedes an Ed25519 private key's 32 bytes in PKCS #8 (RFC 8410). */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** A new secret for an agent, as it stands in the URL's path. */
export function newPingSecret(organizationId: string, agentId: string): string {
  const random = randomBytes(16).toString("base64url");
  return [encodeId(organizationId), encodeId(agentId), random].join(".");
}

/** Whose a secret claims to be. Undefined for what can't be one. */
export function readPingSecret(secret: string) {
  const [, organization = "", agent = ""] = SECRET.exec(secret) ?? [];
  const [organizationId, agentId] = [decodeId(organization), decodeId(agent)];
  if (organizationId === undefined || agentId === undefined) return undefined;
  return { organizationId, agentId };
}

/**
 * The public key that is registered for a secret: it can't be turned back. So a secret is stored, rotated and taken away as every
 * key is.
 */
export function pingKey(secret: string): PublicKey {
  const seed = createHash("sha256").update(`agent-heartbeat ping ${secret}`).digest();
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: "der",
    type: "pkcs8",
  });
  const { x = "" } = createPublicKey(key).export({ format: "jwk" });
  const jwk = { crv: "Ed25519", kty: "OKP", x };
  // RFC 7638: the members in the order of their names.
  const keyId = createHash("sha256").update(JSON.stringify(jwk)).digest("base64url");
  return { keyId, algorithm: "EdDSA", jwk };
}

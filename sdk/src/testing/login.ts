/** What a client offers in its handshake, and whether a registered key has signed it. */

import { createPublicKey, type JsonWebKey, verify } from "node:crypto";
import type { PublicKey } from "@agent-heartbeat/sdk";
import { audienceOf, type LoginClaims } from "@agent-heartbeat/sdk/protocol";

/** A received login, as far as it could be read. */
export interface Login {
  /** Each header `Sec-WebSocket-Protocol`: a client sends one, with both subprotocols. */
  offered: readonly string[];
  /** The second subprotocol. */
  token: string;
  /** The token's header; empty if it can't be read. */
  header: Readonly<Record<string, unknown>>;
  /** The token's claims; empty if they can't be read. */
  claims: Readonly<Partial<LoginClaims>>;
}

export function readLogin(offered: readonly string[]): Login {
  return { offered, ...readToken(offered.join(",").split(",")[1]?.trim() ?? "") };
}

export function readToken(token: string): Omit<Login, "offered"> {
  const [header = "", claims = ""] = token.split(".");
  return { token, header: decoded(header), claims: decoded(claims) };
}

function decoded(part: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

/** How far a client's clock may be off. */
const SKEW_MS = 30_000;

/** Whether a key has signed the token, for this time and an address that is one. */
export function isSigned(
  login: Omit<Login, "offered">,
  keys: readonly PublicKey[],
  now: number,
): boolean {
  const { token, header, claims } = login;
  const key = keys.find(({ keyId }) => keyId === header.kid);
  const { iat = 0, exp = 0, aud = "" } = claims;
  if (!key || iat * 1000 > now + SKEW_MS || exp * 1000 <= now - SKEW_MS) return false;
  if (!URL.canParse(aud) || ![audienceOf(aud), new URL(aud).origin].includes(aud)) return false;
  const end = token.lastIndexOf(".");
  return verify(
    key.algorithm === "EdDSA" ? null : "sha256",
    Buffer.from(token.slice(0, end)),
    {
      key: createPublicKey({ key: key.jwk as JsonWebKey, format: "jwk" }),
      dsaEncoding: "ieee-p1363",
    },
    Buffer.from(token.slice(end + 1), "base64url"),
  );
}

/** Reads a client's login as the service does, and says what is wrong with it. */

import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type LoginClaims, SUBPROTOCOL } from "@agent-heartbeat/sdk/protocol";
import { claimsIn, periodFault } from "../../../core/login-token";
import { decoded } from "../token";

/** A login, as far as it could be read. */
export interface Login {
  /** The header `Sec-WebSocket-Protocol` as it came, and how often. */
  offered: string[];
  token: string;
  header: Record<string, unknown>;
  claims: Partial<LoginClaims>;
}

export function readLogin({ rawHeaders }: IncomingMessage): Login {
  const offered = rawHeaders.filter(
    (_, index) =>
      index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === "sec-websocket-protocol",
  );
  const token = offered.join(",").split(",")[1]?.trim() ?? "";
  const [header, claims] = token.split(".");
  return { offered, token, header: decoded(header) ?? {}, claims: decoded(claims) ?? {} };
}

/** The RFC 7638 thumbprint of an Ed25519 key. */
function thumbprintOf(key: KeyObject): string {
  const { crv, kty, x } = createPublicKey(key).export({ format: "jwk" });
  return createHash("sha256").update(JSON.stringify({ crv, kty, x })).digest("base64url");
}

/** What a valid login would have otherwise; empty if it is one. */
export function faultsOf(
  { offered, token, header, claims }: Login,
  expected: { agentId: string; organizationId: string; audience: string; key: KeyObject },
): string[] {
  const { iat = 0, exp = 0 } = claims;
  const read = claimsIn(claims);
  const fault = "fault" in read ? read.fault : periodFault(read.claims, Date.now());
  const signed = token.slice(0, token.lastIndexOf("."));
  const signature = Buffer.from(token.slice(signed.length + 1), "base64url");
  const checks: [boolean, string][] = [
    [offered.length === 1, "both subprotocols in one header"],
    [offered[0]?.startsWith(`${SUBPROTOCOL},`) ?? false, `${SUBPROTOCOL}, then the token`],
    [header.kid === thumbprintOf(expected.key), "the key's RFC 7638 thumbprint as kid"],
    [header.alg === "EdDSA", "EdDSA as alg"],
    [
      claims.iss === expected.agentId && claims.sub === expected.agentId,
      "the agent id as iss and sub",
    ],
    [claims.org === expected.organizationId, "the organization id as org"],
    [claims.aud === expected.audience, `${expected.audience} as aud`],
    [fault === undefined, `valid claims (${fault})`],
    // The service lets more pass: a client with a right clock needs none of it.
    [Math.abs(iat * 1000 - Date.now()) < 30_000, "the present time in seconds as iat"],
    [exp - iat > 0, "an exp after iat"],
    [
      verify(null, Buffer.from(signed), createPublicKey(expected.key), signature),
      "a signature of the key",
    ],
  ];
  return checks.filter(([holds]) => !holds).map(([, what]) => what);
}

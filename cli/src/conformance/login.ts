/** Says what is wrong with a client's login. */

import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { SUBPROTOCOL } from "@agent-heartbeat/sdk/protocol";
import type { Login } from "@agent-heartbeat/sdk/testing";
import { claimsIn, periodFault } from "../../../core/login-token";

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

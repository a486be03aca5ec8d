/** Reads a client's login as the service does, and says what is wrong with it. */

import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type LoginClaims, SUBPROTOCOL } from "@agent-heartbeat/sdk/protocol";

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
  return { offered, token, header: decoded(header), claims: decoded(claims) };
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
  const { iat = 0, exp = 0, jti = "", instance_id: instanceId = "" } = claims;
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
    [
      Number.isInteger(iat) && Math.abs(iat * 1000 - Date.now()) < 30_000,
      "the present time in seconds as iat",
    ],
    [exp - iat > 0 && exp - iat <= 60, "at most 60 seconds from iat to exp"],
    [typeof jti === "string" && jti.length > 0 && jti.length <= 64, "a jti of 1 to 64 characters"],
    [/^[A-Za-z0-9_-]{1,64}$/.test(instanceId), "an instance_id of 1 to 64 of A-Z a-z 0-9 _ -"],
    [
      verify(null, Buffer.from(signed), createPublicKey(expected.key), signature),
      "a signature of the key",
    ],
  ];
  return checks.filter(([holds]) => !holds).map(([, what]) => what);
}

function decoded(part: string | undefined): Record<string, never> {
  try {
    return JSON.parse(Buffer.from(part ?? "", "base64url").toString()) ?? {};
  } catch {
    return {};
  }
}

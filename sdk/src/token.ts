/** Mints login tokens: one a connection, valid for a minute, accepted once. */

import { SignJWT } from "jose";
import type { SigningKey } from "./keys";
import { type DuplicatePolicy, LOGIN_TOKEN_TTL_SECONDS, type LoginClaims } from "./protocol";

/** What a login token says, apart from its times. Durations are in seconds. */
export interface LoginTerms {
  agentId: string;
  organizationId: string;
  /** `audienceOf(url)` */
  audience: string;
  heartbeatInterval: number;
  heartbeatTimeout: number;
  instanceId: string;
  /** @default "replace" */
  onDuplicate?: DuplicatePolicy;
}

/**
 * Signs a login token with a fresh `jti`.
 *
 * @param now epoch milliseconds, as close to the server's clock as can be told
 */
export function signLoginToken(terms: LoginTerms, key: SigningKey, now: number): Promise<string> {
  const iat = Math.floor(now / 1000);
  const claims: LoginClaims = {
    iss: terms.agentId,
    sub: terms.agentId,
    org: terms.organizationId,
    aud: terms.audience,
    iat,
    exp: iat + LOGIN_TOKEN_TTL_SECONDS,
    jti: crypto.randomUUID(),
    heartbeat_interval: terms.heartbeatInterval,
    heartbeat_timeout: terms.heartbeatTimeout,
    instance_id: terms.instanceId,
    ...(terms.onDuplicate && { on_duplicate: terms.onDuplicate }),
  };
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: key.algorithm, kid: key.keyId, typ: "JWT" })
    .sign(key.key);
}

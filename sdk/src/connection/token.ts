/** Mints login tokens: one a connection, valid for a minute, accepted once. */

import {
  type DuplicatePolicy,
  LOGIN_TOKEN_TTL_SECONDS,
  type LoginClaims,
} from "../../../core/login-claims";
import { base64url, type SigningKey, WEB_CRYPTO } from "./keys";

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
  /** Whether the process has another connection open. @default false */
  rotation?: boolean;
  /** Further claims. @default - none */
  claims?: { watches?: boolean };
}

/**
 * Signs a login token with a fresh `jti`.
 *
 * @param now epoch milliseconds, as close to the server's clock as possible
 * @param iat when the token is made, in seconds: with fractions for several within a second that are to be in order
 */
export async function signLoginToken(
  terms: LoginTerms,
  { key, keyId, algorithm }: SigningKey,
  now: number,
  iat: number = Math.floor(now / 1000),
): Promise<string> {
  // What is undefined in it is left out where it is written.
  const claims: { [Name in keyof LoginClaims]: LoginClaims[Name] | undefined } = {
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
    on_duplicate: terms.onDuplicate,
    rotation: terms.rotation || undefined,
    ...terms.claims,
  };
  const header = { alg: algorithm, kid: keyId, typ: "JWT" };
  const signed = `${encode(header)}.${encode(claims)}`;
  const bytes = new TextEncoder().encode(signed);
  const signature = await crypto.subtle.sign(WEB_CRYPTO[algorithm], key, bytes);
  return `${signed}.${base64url(signature)}`;
}

const encode = (value: object) => base64url(new TextEncoder().encode(JSON.stringify(value)));

/** Verifies a login token: its form, then the registered key, then the claims, and finally its single use. */

import {
  decodeJwt,
  decodeProtectedHeader,
  importJWK,
  jwtVerify,
  type ProtectedHeaderParameters,
} from "jose";
import { isReservedAgentId } from "../../core/agent-id";
import { HEARTBEAT } from "../../core/limits";
import type { DuplicatePolicy } from "../../core/login-claims";
import {
  CLOCK_SKEW_SECONDS,
  type Claims,
  claimsIn,
  MAX_TOKEN_LENGTH,
  periodFault,
} from "../../core/login-token";
import { fencingTokenOf } from "../../core/registry-record";
import { keyTagOf } from "../../core/row-connections";
import type { Identity } from "../shared/identity";
import type { LoginRegistry } from "./store";

/** The deployment's heartbeat settings. Requests outside the bounds are adjusted to the nearest bound. */
export interface HeartbeatTerms {
  defaultIntervalMs: number;
  defaultTimeoutMultiplier: number;
  minIntervalMs: number;
  maxIntervalMs: number;
}

/** A refused login. The reason is for the operator's log; the client does not receive it. */
export class LoginRefused extends Error {
  override name = "LoginRefused";

  constructor(
    readonly reason: string,
    readonly claimed: { organizationId?: string; agentId?: string } = {},
    options?: ErrorOptions,
  ) {
    super(`login refused: ${reason}`, options);
  }
}

/**
 * Most logins of an agent within some two minutes: that is how long those of the SDK are counted. Tokens that are good
 * for less time are counted for half a minute at least.
 */
export const MOST_LOGINS = 200;

export interface LoginOptions {
  registry: LoginRegistry;
  terms: HeartbeatTerms;
}

/** What a login token proves. */
export type KnownIdentity = Omit<Identity, "reconnectWindowMs">;

/**
 * The identity that a login token proves, which is used up by that.
 *
 * @param audience every `aud` that this endpoint accepts
 * @param now epoch milliseconds
 * @throws LoginRefused if the token is not valid. Other errors are failures of the service
 */
export async function login(
  token: string,
  audience: string[],
  now: number,
  options: LoginOptions,
): Promise<KnownIdentity> {
  const { registry } = options;
  const { claims, identity } = await verifyToken(token, audience, now, options);
  const refuse = (reason: string) => new LoginRefused(reason, claimedBy(claims));
  // After the signature: what a stranger sends costs no more than it must.
  const since = now / 1000 - CLOCK_SKEW_SECONDS;
  const uses = await registry.countUses(claims.org, claims.sub, since, MOST_LOGINS);
  if (uses >= MOST_LOGINS) throw refuse("too many logins");
  // Last, so that only a token that is good in all else can use anything up.
  const usableUntil = claims.exp + CLOCK_SKEW_SECONDS;
  if (!(await registry.useOnce(claims.org, claims.sub, claims.jti, usableUntil))) {
    throw refuse("the token was used before");
  }
  return identity;
}

/**
 * The claims of a login token, and the identity that it proves. It is for the caller to accept each token once.
 *
 * @param fresh whether a registration counts that was changed within the last second
 * @throws LoginRefused as `login` does
 */
export async function verifyToken(
  token: string,
  audience: string[],
  now: number,
  { registry, terms }: { registry: Pick<LoginRegistry, "find" | "lasts">; terms: HeartbeatTerms },
  fresh = true,
): Promise<{ claims: Claims; identity: KnownIdentity }> {
  const { keyId, claims } = readUnverified(token);
  const claimed = claimedBy(claims);
  const refuse = (reason: string, cause?: unknown) => new LoginRefused(reason, claimed, { cause });

  if (isReservedAgentId(claims.sub)) throw refuse("the agent id is reserved");
  const agent = await registry.find(claims.org, claims.sub, fresh);
  if (!agent) throw refuse("unknown agent");
  const key = agent.publicKeys.find((candidate) => candidate.keyId === keyId);
  if (!key) throw refuse("the token is signed with a key that is not registered");
  try {
    // The registered key determines the algorithm, never the token.
    await jwtVerify(token, await importJWK(key.jwk, key.algorithm), {
      algorithms: [key.algorithm],
      audience,
      issuer: claims.sub,
      subject: claims.sub,
      currentDate: new Date(now),
      clockTolerance: CLOCK_SKEW_SECONDS,
    });
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error), error);
  }
  const fault = periodFault(claims, now);
  if (fault) throw refuse(fault);
  if (!agent.enabled) throw refuse("the agent is disabled");
  if (agent.role === "job") throw refuse("a job has a ping URL, and no login");
  if (agent.expiresAt !== undefined && agent.expiresAt <= now) {
    throw refuse("the registration has expired");
  }
  if (!(await registry.lasts(agent, now))) throw refuse("the ephemeral registration has vanished");
  const identity = {
    ...claimed,
    role: agent.role,
    instanceId: claims.instance_id,
    ...leaseTerms(claims, terms),
    onDuplicate: claims.on_duplicate satisfies DuplicatePolicy,
    rotation: claims.rotation,
    watches: claims.watches,
    fencingToken: fencingTokenOf(agent),
    keyTag: keyTagOf(key),
    registeredUntil: agent.expiresAt,
    ephemeralMs: agent.ephemeralMs,
  };
  return { claims, identity };
}

const claimedBy = ({ org, sub }: Claims) => ({ organizationId: org, agentId: sub });

function readUnverified(token: string): { keyId: string; claims: Claims } {
  if (token.length > MAX_TOKEN_LENGTH) throw new LoginRefused("the token is too long");
  let header: ProtectedHeaderParameters;
  let payload: unknown;
  try {
    header = decodeProtectedHeader(token);
    payload = decodeJwt(token);
  } catch (cause) {
    throw new LoginRefused("not a JWT", {}, { cause });
  }
  if (typeof header.kid !== "string") throw new LoginRefused("the token names no key");
  const read = claimsIn(payload);
  if ("fault" in read) throw new LoginRefused(read.fault);
  return { keyId: header.kid, claims: read.claims };
}

/** The interval within the deployment's bounds, and a lease in the ratio that the client requested. */
function leaseTerms(
  { heartbeat_interval, heartbeat_timeout }: Claims,
  { defaultIntervalMs, defaultTimeoutMultiplier, minIntervalMs, maxIntervalMs }: HeartbeatTerms,
) {
  const requestedMs = Math.round((heartbeat_interval ?? defaultIntervalMs / 1000) * 1000);
  const heartbeatIntervalMs = clamp(requestedMs, minIntervalMs, maxIntervalMs);
  const requestedMultiplier =
    heartbeat_timeout === undefined
      ? defaultTimeoutMultiplier
      : (heartbeat_timeout * 1000) / requestedMs;
  const { minTimeoutMultiplier, maxTimeoutMultiplier } = HEARTBEAT;
  const multiplier = clamp(requestedMultiplier, minTimeoutMultiplier, maxTimeoutMultiplier);
  return {
    heartbeatIntervalMs,
    leaseMs: Math.round(heartbeatIntervalMs * multiplier),
    // A client that requested none does not know the deployment's default.
    intervalAdvised: heartbeatIntervalMs !== (heartbeat_interval ?? Number.NaN) * 1000,
  };
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}

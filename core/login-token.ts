/** What a login token must be, apart from its signature: for the service that accepts it and the tool that explains it. */

import * as v from "valibot";
import { ID_FORM, ID_PATTERN } from "./agent-id";
import { LIMITS } from "./limits";
import { type DuplicatePolicy, LOGIN_TOKEN_TTL_SECONDS } from "./login-claims";

/** How far a client's clock may be off. */
export const CLOCK_SKEW_SECONDS = 30;

/** Longer tokens are not parsed. An ordinary one has about 700 characters. */
export const MAX_TOKEN_LENGTH = 4096;

const identifier = v.pipe(v.string(), v.regex(ID_PATTERN, `expected ${ID_FORM}`));
const SHORT_FORM = `expected 1 to ${LIMITS.instanceIdLength} characters`;
const shortText = v.pipe(
  v.string(),
  v.minLength(1, SHORT_FORM),
  v.maxLength(LIMITS.instanceIdLength, SHORT_FORM),
  // A lone surrogate can't be encoded in UTF-8, and so can't be stored or passed on by the gateway.
  v.check((value: string) => value.isWellFormed(), "expected whole characters"),
);
// Far above every bound, but small enough that quotients are finite.
const MOST_SECONDS = 1e9;
const SECONDS_FORM = `expected a number above 0 and at most ${MOST_SECONDS}`;
const seconds = v.pipe(
  v.number(SECONDS_FORM),
  v.gtValue(0, SECONDS_FORM),
  v.maxValue(MOST_SECONDS, SECONDS_FORM),
);

const claimsSchema = v.object({
  iss: identifier,
  sub: identifier,
  org: identifier,
  aud: v.string(),
  iat: v.number(),
  exp: v.number(),
  jti: shortText,
  heartbeat_interval: v.optional(seconds),
  heartbeat_timeout: v.optional(seconds),
  instance_id: shortText,
  on_duplicate: v.optional(
    v.picklist(["replace", "reject"] satisfies DuplicatePolicy[]),
    "replace",
  ),
  rotation: v.optional(v.boolean(), false),
  watches: v.optional(v.boolean(), false),
});

export type Claims = v.InferOutput<typeof claimsSchema>;

/** The claims of a token's payload, or what is wrong with them. */
export function claimsIn(payload: unknown): { claims: Claims } | { fault: string } {
  const result = v.safeParse(claimsSchema, payload, { abortEarly: true });
  if (result.success) return { claims: result.output };
  const issue = result.issues[0];
  return { fault: `claim ${v.getDotPath(issue) ?? ""}: ${issue.message}` };
}

/**
 * What is wrong with the times of a token; undefined if nothing.
 *
 * @param now epoch milliseconds
 */
export function periodFault({ iat, exp }: Pick<Claims, "iat" | "exp">, now: number) {
  if (exp - iat > LOGIN_TOKEN_TTL_SECONDS) {
    return `a token may be valid for ${LOGIN_TOKEN_TTL_SECONDS} s`;
  }
  if (iat * 1000 > now + CLOCK_SKEW_SECONDS * 1000) return "issued in the future";
  if (exp * 1000 <= now - CLOCK_SKEW_SECONDS * 1000) return "expired";
  return undefined;
}

/** The tokens of enrolments, and the patterns of names that they are good for. */

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { ID_PATTERN } from "./agent-id";
import { decodeId, encodeId } from "./id-text";
import { LIMITS } from "./limits";

/** By what people and scanners of secrets recognize a token. */
const ENROLMENT_TOKEN_PREFIX = "ahe_";

const TOKEN = /^ahe_([\w-]{2,171})\.([0-9a-f]{16})(?:\.([\w-]{43}))?$/;

/** What an enrolment's token looks like, for error messages. */
export const ENROLMENT_TOKEN_FORM = `${ENROLMENT_TOKEN_PREFIX}<organization>.<enrolment id>.<secret>, or without a secret for roles on AWS`;

/** The form of an enrolment's id. */
export const ENROLMENT_ID_PATTERN = /^[0-9a-f]{16}$/;

/** A new enrolment's id, its token with 256 random bits, and what is stored of it. */
export function newEnrolmentToken(organizationId: string) {
  const { enrolmentId, token } = newEnrolmentName(organizationId);
  const secret = randomBytes(32).toString("base64url");
  return { enrolmentId, token: `${token}.${secret}`, secretHash: hashOf(secret) };
}

/** A new enrolment's id, and a token that names it and has no secret. */
export function newEnrolmentName(organizationId: string) {
  const enrolmentId = randomBytes(8).toString("hex");
  const token = `${ENROLMENT_TOKEN_PREFIX}${encodeId(organizationId)}.${enrolmentId}`;
  return { enrolmentId, token };
}

/** Which enrolment a token claims to be of, and whether its secret is. Undefined for what can't be a token. */
export function readEnrolmentToken(token: string) {
  const [, organization = "", enrolmentId = "", secret] = TOKEN.exec(token) ?? [];
  const organizationId = decodeId(organization);
  if (organizationId === undefined) return undefined;
  const isOf = ({ secretHash }: { secretHash?: string }) =>
    secret !== undefined &&
    secretHash !== undefined &&
    timingSafeEqual(Buffer.from(hashOf(secret)), Buffer.from(secretHash));
  return { organizationId, enrolmentId, hasSecret: secret !== undefined, isOf };
}

/** The secret has 256 random bits: nobody can try them all, so a fast hash is enough. */
const hashOf = (secret: string) => createHash("sha256").update(secret).digest("base64url");

/** The form of a pattern of names, for error messages. */
export const NAME_PATTERN_FORM = `an agent id, in which * stands for any characters, of 1 to ${LIMITS.idLength} characters`;

/** In a pattern, stands for the name of the session in which a process on AWS has its role. */
export const SESSION_PLACEHOLDER = "{session}";

/** Whether a text is a pattern that an agent id can match. */
export const isNamePattern = (text: string): boolean =>
  text.length <= LIMITS.idLength && ID_PATTERN.test(text.replaceAll("*", "x"));

/** A pattern for one session. A session's name contains no `*`. */
export const patternOfSession = (pattern: string, sessionName: string): string =>
  pattern.replaceAll(SESSION_PLACEHOLDER, () => sessionName);

/** Whether a pattern matches an agent id. Takes time in proportion to both. */
export function matchesName(pattern: string, agentId: string): boolean {
  const [first = "", ...others] = pattern.split("*");
  const last = others.pop();
  if (last === undefined) return agentId === first;
  if (agentId.length < first.length + last.length) return false;
  if (!agentId.startsWith(first) || !agentId.endsWith(last)) return false;
  let rest = agentId.slice(first.length, agentId.length - last.length);
  for (const part of others) {
    const at = rest.indexOf(part);
    if (at < 0) return false;
    rest = rest.slice(at + part.length);
  }
  return true;
}

/** Subjects and patterns: their syntax and matching. */

import { LIMITS } from "./limits";

const TOKEN = /^[\w@:/+=%~-]+$/;

/** The form of a subject, for error messages. */
export const SUBJECT_FORM = "tokens of letters, digits and _-@:/+=%~ joined by dots";

/** The form of a pattern, for error messages. */
export const PATTERN_FORM = `${SUBJECT_FORM}, "*" for one token, or a last ">"`;

/**
 * The token that stands for an agent in a subject: its id, with `~` for each dot, which would end the token. No id has a
 * `~`, so that no two agents have the same token, and one without dots is its own.
 */
export const agentToken = (agentId: string): string => agentId.replaceAll(".", "~");

/** The agent that a token of a subject stands for. */
export const agentOfToken = (token: string): string => token.replaceAll("~", ".");

/** Whether a text is a subject: tokens joined by dots, each of letters, digits and `_-@:/+=%~`. */
export function isSubject(text: string): boolean {
  return fits(text, () => false);
}

/** Whether a text is a pattern: a subject in which `*` may stand for one token, and a final `>` for one or more. */
export function isPattern(text: string): boolean {
  return fits(text, (token, last) => token === "*" || (token === ">" && last));
}

function fits(text: string, wildcard: (token: string, last: boolean) => boolean): boolean {
  const tokens = text.split(".");
  return (
    text.length <= LIMITS.subjectLength &&
    tokens.length <= LIMITS.subjectTokens &&
    tokens.every(
      (token, index) => TOKEN.test(token) || wildcard(token, index === tokens.length - 1),
    )
  );
}

/** Whether a pattern matches a subject, token by token. */
export function matchesSubject(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const tokens = subject.split(".");
  if (wanted.at(-1) === ">") {
    wanted.pop();
    return tokens.length > wanted.length && wanted.every(same);
  }
  return tokens.length === wanted.length && wanted.every(same);

  function same(token: string, index: number) {
    return token === "*" || token === tokens[index];
  }
}

/** First tokens of reserved subjects. A pattern that begins with a wildcard matches none of them. */
export const RESERVED = {
  /** `presence.<token>`: the agent's transitions, published only by the service. */
  presence: "presence",
  /** `_inbox.<token>.<...>`: replies to the agent's requests. Nobody can subscribe to them. */
  inbox: "_inbox",
} as const;

/** The subject of a message to one agent that names no subject. */
export const DIRECT_SUBJECT = "direct";

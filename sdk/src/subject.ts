/** Subjects and patterns: what they may look like, and which pattern matches which subject. */

import { SubjectError } from "./errors";

const TOKEN = /^[A-Za-z0-9_-]+$/;

/**
 * Checks a pattern: tokens of letters, digits, `_` and `-` joined by dots, `*` for one token, and as the
 * last token `>` for one or more.
 *
 * @throws SubjectError if it is not one.
 */
export function checkPattern(pattern: string): void {
  const tokens = String(pattern).split(".");
  const wrong = tokens.find(
    (token, index) =>
      !(TOKEN.test(token) || token === "*" || (token === ">" && index === tokens.length - 1)),
  );
  if (wrong === undefined) return;
  throw new SubjectError(
    `subject "${pattern}": expected tokens of [A-Za-z0-9_-] joined by dots, "*" or a last ">", ` +
      `got the token "${wrong}"`,
  );
}

/** Whether a subject falls under a pattern: token by token, never by prefix. */
export function matchesSubject(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const tokens = subject.split(".");
  if (wanted.at(-1) === ">") {
    wanted.pop();
    return tokens.length > wanted.length && wanted.every(fits);
  }
  return tokens.length === wanted.length && wanted.every(fits);

  function fits(token: string, index: number) {
    return token === "*" || token === tokens[index];
  }
}
